//! What a signature is for.

use super::*;

/// What a hostile store can do: it knows the format, and everything but the secret.
#[test]
fn only_what_is_signed_for_this_key_is_read() {
    let codec = signing(&[7; 16]);
    let frame = frame_of(&codec, "the body");
    assert_eq!(why(&codec, frame.clone()), "nothing");
    // Invented, by who has no secret or another.
    assert_eq!(
        why(&codec, frame_of(&self::codec(), "the body")),
        "signature"
    );
    assert_eq!(
        why(&codec, frame_of(&signing(&[8; 16]), "the body")),
        "signature"
    );
    // Whoever cannot verify does not believe.
    assert_eq!(why(&self::codec(), frame.clone()), "signature");
    // Changed: whatever it is, and the checksum of the head with it.
    let mut body = frame.to_vec();
    let at = body.len() - 33;
    body[at] ^= 1;
    assert_eq!(why(&codec, body), "signature");
    let mut younger = frame.to_vec();
    younger[8] ^= 1;
    checksum(&mut younger);
    assert_eq!(why(&codec, younger), "signature");
    let mut signature = frame.to_vec();
    *signature.last_mut().unwrap() ^= 1;
    assert_eq!(why(&codec, signature), "signature");
    // Unsigned by who takes the signature off.
    let mut bare = frame[..frame.len() - 32].to_vec();
    bare[3] = 0;
    checksum(&mut bare);
    assert_eq!(why(&codec, bare), "signature");
    // Moved to another key, with the check of that.
    let other = codec.key(b"other");
    let moved = codec.decode(&other, &frame, now(), 0);
    assert_eq!(moved.unwrap_err(), FrameError::Signature);
    let variant = codec.key(PRIMARY).with_variant([0; 16]);
    let moved = codec.decode(&variant, &frame, now(), 0);
    assert_eq!(moved.unwrap_err(), FrameError::Signature);
}

#[test]
fn short_secret_signs_nothing() {
    assert!(Signer::new(&[7; MIN_SECRET_BYTES - 1]).is_none());
    assert!(Signer::new(&[7; MIN_SECRET_BYTES]).is_some());
}

#[test]
fn nothing_tells_the_secret() {
    let told = format!("{:?}", signing(b"hunter2hunter2!!"));
    assert!(
        told.contains("Signer") && !told.contains("hunter") && !told.contains("104, 117"),
        "{told}"
    );
}
