//! The security catalogue: a row, a module (RFC 9111 section 7).
//!
//! Each module attacks a service with nothing but the defaults, and where that changes something one
//! with an annotation, whose handler sees declared inputs only. The same attacks over a socket are
//! in `examples/shop/tests/attacks`.
//!
//! | row | default | narrowing | test |
//! |---|---|---|---|
//! | unkeyed input | values of `X-Forwarded-Host` and its kind are in the key, unless trusted | withheld | [`unkeyed_input`] |
//! | override headers | bypass | the same | [`override_headers`] |
//! | host and port games | the full authority is in the key; a contradiction bypasses | the same | [`host_and_port_games`] |
//! | fat GET | bypass both ways | the same | [`fat_get`] |
//! | parameter cloaking | exact query | dropped parameters are dropped from the request too | [`parameter_cloaking`] |
//! | CPDoS: HHO, HMC, HMO | errors that depend on the request, and those of the server, are not stored; an operator who lists them gives a lifetime | what provokes them is withheld, unless declared or neutral | [`cpdos`] |
//! | path confusion, cache deception | no rule by name; raw path in the key | the handler cannot know whose page it is | [`path_confusion_and_cache_deception`] |
//! | Set-Cookie replay | not stored | the same | [`set_cookie_replay`] |
//! | Authorization or Cookie leak | not stored without the handler's word; followers are checked again | withheld; a declared cookie is in the key | [`authorization_or_cookie_leak`] |
//! | partition confusion | typed identity from the application; nobody bypasses | | [`partition_confusion`] |
//! | CORS reflection | `Origin` joins `Vary` | withheld | [`cors_reflection`] |
//! | background refresh with user credentials | dropped, but for selecting fields, as recorded | declared inputs only; in a user's partition theirs | [`background_refresh_with_user_credentials`] |
//! | Vary explosion | 64 variants of a key, and limits of names and values | one copy, and a finding | [`vary_explosion`] |
//! | cache busting | admission by frequency in a store bounded in bytes; nothing is kept for a key without a response but 8 bytes, bounded | one key | [`cache_busting`] |
//! | smuggling, response splitting | body and announced length must agree; typed fields; no caching of upgrades and CONNECT | the same | [`smuggling_and_response_splitting`] |
//! | hop-by-hop abuse | not stored if `Connection` names a caching field; keys are made before anything is stripped | the same | [`hop_by_hop_abuse`] |
//! | oversized keys or bodies | limits of URI, key, header section, body | the same | [`oversized_keys_or_bodies`] |
//! | range abuse | one range; `Range` is forwarded as it is | it passes | [`range_abuse`] |
//! | key collision by concatenation | each part carries its length; the full key is compared | the same for declared parts | [`key_collision_by_concatenation`] |
//! | hash flooding | hashes keyed at random for each cache | | [`hash_flooding`], `crates/larder/src/cache.rs` |
//! | stampede | one leader; whoever it fails is woken; uncacheable keys stop collapsing | the same | [`stampede`] |
//! | fill/invalidate race | position taken before the call, compared when stored, for every write and purge | a write drops what is left of its target | [`fill_invalidate_race`] |
//! | timing or presence oracle | own partition, own flights, no key in Cache-Status | | [`timing_or_presence_oracle`] |
//! | purge abuse | no purging by HTTP; a name hits its own kind only | the same | [`purge_abuse`] |
//! | hostile bytes from the store | nothing to test yet: there is no shared tier, and memory holds typed values | | |
//! | backend down or slow | nothing to test yet: there is no shared tier | | |
//! | loops | the example proxy refuses what has its own name in `Via` with 508 | | [`loops`] |
//! | poison pinned by a long lifetime | every purge wins; a lifetime cap | the annotation is a cap | [`poison_pinned_by_a_long_lifetime`] |

mod authorization_or_cookie_leak;
mod background_refresh_with_user_credentials;
mod cache_busting;
mod cors_reflection;
mod cpdos;
mod fat_get;
mod fill_invalidate_race;
mod hash_flooding;
mod hop_by_hop_abuse;
mod host_and_port_games;
mod key_collision_by_concatenation;
mod loops;
mod override_headers;
mod oversized_keys_or_bodies;
mod parameter_cloaking;
mod partition_confusion;
mod path_confusion_and_cache_deception;
mod poison_pinned_by_a_long_lifetime;
mod purge_abuse;
mod range_abuse;
mod set_cookie_replay;
mod setting;
mod smuggling_and_response_splitting;
mod stampede;
mod timing_or_presence_oracle;
mod unkeyed_input;
mod vary_explosion;
