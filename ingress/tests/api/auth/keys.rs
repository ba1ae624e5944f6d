//! Named keys.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use onsale_auth::NamedKey;

use crate::support::{BUYER, Claims, SECRET, World, sign_with};

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
async fn a_named_key_checks_the_tokens_that_name_it_and_no_others() {
    const OLD: &str = "the old secret, of at least 32 bytes";
    const NEW: &str = "the new secret, of at least 32 bytes";
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        Some(path)
    };
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let keys = vec![
        NamedKey {
            kid: "old".to_owned(),
            hs256_secret_file: file("old", OLD),
            ..NamedKey::default()
        },
        NamedKey {
            kid: "new".to_owned(),
            hs256_secret_file: file("new", NEW),
            ..NamedKey::default()
        },
        NamedKey {
            kid: "partner".to_owned(),
            ed25519_public_key_file: file("partner", &pair.public_key_pem()),
            ..NamedKey::default()
        },
    ];
    let named = keys.clone();
    let all = World::with(|config| config.auth.keys = named).await;
    let alone = World::with(|config| {
        config.auth.hs256_secret = None;
        config.auth.booking_secret = Some(onsale_settings::Secret::new(SECRET));
        config.auth.keys = keys;
    })
    .await;
    let unnamed = World::new().await;

    let secret = |secret: &str| EncodingKey::from_secret(secret.as_bytes());
    let partner = || EncodingKey::from_ed_pem(pair.serialize_pem().as_bytes()).unwrap();
    let (hs, ed) = (Algorithm::HS256, Algorithm::EdDSA);
    // Who takes it: a server with a key without a name and named ones, one with named ones only,
    // one without names.
    for (name, key, algorithm, kid, taken) in [
        (
            "old by name",
            secret(OLD),
            hs,
            Some("old"),
            [true, true, false],
        ),
        (
            "new by name",
            secret(NEW),
            hs,
            Some("new"),
            [true, true, false],
        ),
        (
            "partner by name",
            partner(),
            ed,
            Some("partner"),
            [true, true, false],
        ),
        ("partner, unnamed", partner(), ed, None, [true, true, false]),
        ("old, unnamed", secret(OLD), hs, None, [false, true, false]),
        ("new, unnamed", secret(NEW), hs, None, [false, false, false]),
        (
            "ours, unnamed",
            secret(SECRET),
            hs,
            None,
            [true, false, true],
        ),
        (
            "ours as new",
            secret(SECRET),
            hs,
            Some("new"),
            [false, false, true],
        ),
        (
            "old as new",
            secret(OLD),
            hs,
            Some("new"),
            [false, false, false],
        ),
        (
            "new as partner",
            secret(NEW),
            hs,
            Some("partner"),
            [false, false, false],
        ),
        (
            "partner as old",
            partner(),
            ed,
            Some("old"),
            [false, false, false],
        ),
        (
            "unknown name",
            secret(OLD),
            hs,
            Some("older"),
            [false, false, false],
        ),
    ] {
        let head = Header {
            kid: kid.map(ToOwned::to_owned),
            ..Header::new(algorithm)
        };
        let token = sign_with(&Claims::new(BUYER, "buyer"), &key, &head);
        for (world, is_taken) in [&all, &alone, &unnamed].into_iter().zip(taken) {
            let reply = world.get("/api/v1/bookings").token(&token).send().await;
            let expected = if is_taken { 200 } else { 401 };
            assert_eq!(reply.status.as_u16(), expected, "{name}: {taken:?}");
        }
    }
}
