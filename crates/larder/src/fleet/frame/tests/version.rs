//! Nodes of several versions in one fleet.

use super::*;

/// Other nodes read what this one writes: another layout needs another version.
#[test]
fn layout_of_this_version_is_as_it_ever_was() {
    let codec = codec();
    let key = codec.key(PRIMARY);
    let rule = codec.encode_rule(&key, &[ACCEPT], born());
    let told = |frame: &[u8]| {
        frame
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    assert_eq!(told(&rule.unwrap()), RULE_OF_VERSION_1);
    assert_eq!(told(&frame_of(&codec, "the body")), FRAME_OF_VERSION_1);
}

/// Nodes of two versions in one fleet, while they are replaced.
#[test]
fn next_version_reads_this_one_and_this_one_misses_the_next() {
    let (old, new) = (codec(), codec().with_version(VERSION + 1));
    let (of_old, of_new) = (frame_of(&old, "body"), frame_of(&new, "body"));
    assert_eq!(why(&old, of_old.clone()), "nothing");
    assert_eq!(why(&old, of_new.clone()), "version");
    assert_eq!(read(&new, of_old.clone()).unwrap().body, "body");
    assert_eq!(read(&new, of_new).unwrap().body, "body");
    let newest = codec().with_version(VERSION + 2);
    assert_eq!(why(&newest, of_old.clone()), "version");
    let mut zero = of_old.to_vec();
    zero[2] = 0;
    checksum(&mut zero);
    assert_eq!(why(&old, zero), "version");
}

const RULE_OF_VERSION_1: &str = "\
    6c640104360000001a3185c5000000054540cf0d25ebed079bf954397145f2da1804f65c0000000000000000\
    01000600616363657074";

const FRAME_OF_VERSION_1: &str = "\
    6c640102810100001a3185c50000000574e8b56125ebed079bf954397145f2da1804f65c0800000000000000\
    0000000000000000814f5c18a30100004d000000c22775960200000003000000010000000000000002000000\
    0000000007000000000000000800000000000000ffffffffffffffff01c800473000d2496b00000000c0d454\
    0700d2496b00000000000000000000000000000000000000003c000000000000000000000000000000000000\
    000000000000000000000000000000000001000000060061636365707411000000000000000000000a746578\
    742f68746d6c00000000000000000007000000030061676501000000300c0063616368652d73746174757300\
    000000040065746167000000000d0063616368652d636f6e74726f6c0a0000006d61782d6167653d36300400\
    76617279060000006163636570740300782d610a000000736f6d652076616c75650400646174651d00000046\
    72692c203135204a616e20323032372030383a30303a303020474d54000000000074686520626f6479";
