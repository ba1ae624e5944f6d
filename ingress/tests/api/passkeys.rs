//! Passkeys over HTTP, with an authenticator of these tests: keys of P-256, its own CBOR.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use onsale_ingress::Rate;
use onsale_store::account::UserRole;
use onsale_store::audit::Unaudited;
use onsale_store::notice::Notice;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::accounts::{
    EMAIL, PASSWORD, audited, call, config, login, mailed, post, refresh, register_verified,
};
use crate::factors::{pass, told, with_app};
use crate::remembered::{first, forget, keyed, replayed};
use crate::support::{NOW_MS, Reply, World};

pub(crate) const PAGES: &str = "https://tickets.example.test";
const HOST: &str = "tickets.example.test";
/// The person is present and verified.
pub(crate) const VERIFIED: u8 = 0x05;
const PRESENT: u8 = 0x01;
/// The data has a new credential.
const NEW: u8 = 0x40;

/// An authenticator with one passkey.
pub(crate) struct Authenticator {
    key: EcdsaKeyPair,
    credential: [u8; 16],
    user_handle: Value,
    counter: u32,
}

fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What the browser signs along.
fn client_data(kind: &str, options: &Value, origin: &str) -> Vec<u8> {
    let data = json!({
        "type": kind,
        "challenge": options["publicKey"]["challenge"],
        "origin": origin,
        "crossOrigin": false,
    });
    data.to_string().into_bytes()
}

impl Authenticator {
    fn new() -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        Self {
            key: EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).unwrap(),
            credential: *Uuid::new_v4().as_bytes(),
            user_handle: Value::Null,
            counter: 0,
        }
    }

    fn data(&self, host: &str, flags: u8) -> Vec<u8> {
        let mut data = digest(&SHA256, host.as_bytes()).as_ref().to_vec();
        data.push(flags);
        data.extend(self.counter.to_be_bytes());
        data
    }

    /// `navigator.credentials.create()`.
    fn create(&mut self, options: &Value, origin: &str, flags: u8) -> Value {
        self.user_handle = options["publicKey"]["user"]["id"].clone();
        let mut data = self.data(HOST, flags | NEW);
        data.extend([0; 16]);
        data.extend([0, 16]);
        data.extend(self.credential);
        // COSE (RFC 9053): an EC2 key of P-256 for ES256.
        let point = self.key.public_key().as_ref();
        data.extend([0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20]);
        data.extend(&point[1..33]);
        data.extend([0x22, 0x58, 0x20]);
        data.extend(&point[33..65]);
        let mut object = vec![0xa3];
        object.extend(b"\x63fmt\x64none\x67attStmt\xa0\x68authData\x58");
        object.push(u8::try_from(data.len()).unwrap());
        object.extend(&data);
        json!({
            "id": encoded(self.credential),
            "rawId": encoded(self.credential),
            "type": "public-key",
            "response": {
                "attestationObject": encoded(object),
                "clientDataJSON": encoded(client_data("webauthn.create", options, origin)),
                "transports": ["internal"],
            },
            "clientExtensionResults": {},
        })
    }

    /// `navigator.credentials.get()`.
    pub(crate) fn get(&mut self, options: &Value, origin: &str, flags: u8) -> Value {
        self.counter += 1;
        let data = self.data(HOST, flags);
        let client = client_data("webauthn.get", options, origin);
        let hash = digest(&SHA256, &client);
        let signed = [data.as_slice(), hash.as_ref()].concat();
        let signature = self.key.sign(&SystemRandom::new(), &signed).unwrap();
        json!({
            "id": encoded(self.credential),
            "rawId": encoded(self.credential),
            "type": "public-key",
            "response": {
                "authenticatorData": encoded(data),
                "clientDataJSON": encoded(client),
                "signature": encoded(signature.as_ref()),
                "userHandle": self.user_handle,
            },
            "clientExtensionResults": {},
        })
    }
}

pub(crate) async fn world() -> World {
    World::with(|all| {
        all.accounts = config();
        all.accounts.pages_url = Some(PAGES.to_owned());
    })
    .await
}

async fn begin(world: &World, signed_in: &Value) -> Reply {
    let body = json!({ "password": PASSWORD });
    let path = "factors/passkeys/options";
    call(world, signed_in, Method::POST, path, body).await
}

async fn add(world: &World, signed_in: &Value, begun: &Value, credential: &Value) -> Reply {
    let body = json!({
        "ceremony": begun["ceremony"], "credential": credential, "name": "My phone",
    });
    call(world, signed_in, Method::POST, "factors/passkeys", body).await
}

/// Registers a passkey.
pub(crate) async fn with_passkey(world: &World, signed_in: &Value) -> (Authenticator, Value) {
    let mut authenticator = Authenticator::new();
    let begun = begin(world, signed_in).await.data(200);
    let credential = authenticator.create(&begun["options"], PAGES, VERIFIED);
    let added = add(world, signed_in, &begun, &credential).await.data(201);
    (authenticator, added)
}

pub(crate) async fn options(world: &World) -> Value {
    let reply = world.post("/api/v1/auth/passkeys/options").send().await;
    reply.data(200)
}

async fn sign_in(world: &World, begun: &Value, credential: &Value) -> Reply {
    let body = json!({ "ceremony": begun["ceremony"], "credential": credential });
    post(world, "passkeys/sign-in", body).await
}

#[tokio::test]
async fn a_passkey_is_a_whole_sign_in() {
    let world = world().await;
    let signed_in = register_verified(&world).await;
    let other = login(&world, PASSWORD).await.data(200);
    let (mut authenticator, added) = with_passkey(&world, &signed_in).await;
    assert_eq!(added["recovery_codes"].as_array().map(Vec::len), Some(10));
    refresh(&world, &other).await.error(401, "UNAUTHORIZED");
    assert_eq!(told(&world).await, [Notice::PasskeyAdded]);

    let begun = options(&world).await;
    assert_eq!(begun["options"]["publicKey"]["rpId"], HOST);
    let credential = authenticator.get(&begun["options"], PAGES, VERIFIED);
    let second = sign_in(&world, &begun, &credential).await.data(200);
    let mut user = signed_in["user"].clone();
    // It has followed the link since.
    user["email_verified"] = json!(true);
    assert_eq!(second["user"], user);
    sign_in(&world, &begun, &credential)
        .await
        .error(401, "INVALID_CREDENTIALS");
    let listed = call(&world, &second, Method::GET, "factors", Value::Null).await;
    let listed = listed.data(200);
    let passkey = &listed["passkeys"][0];
    assert_eq!(passkey["name"], "My phone");
    assert_eq!(passkey["passkey_id"], added["passkey_id"]);
    assert!(passkey["last_used_at"].is_string(), "{passkey}");

    // The password alone is not enough any more.
    let asked = login(&world, PASSWORD).await;
    let asked = asked.error(401, "SECOND_FACTOR_REQUIRED");
    assert_eq!(asked["ways"], json!(["recovery_code", "passkey"]));
    let code = added["recovery_codes"][0].clone();
    let body = json!({ "email": EMAIL, "password": PASSWORD, "code": code });
    post(&world, "login", body).await.data(200);
    assert!(audited(&world).await.contains(&"factor.add".to_owned()));
}

#[tokio::test]
async fn what_a_passkey_signed_is_for_one_ceremony_one_origin_and_a_verified_person() {
    let world = world().await;
    let signed_in = register_verified(&world).await;
    let (mut authenticator, _) = with_passkey(&world, &signed_in).await;
    let refused = async |begun: &Value, credential: &Value| {
        let reply = sign_in(&world, begun, credential).await;
        reply.error(401, "INVALID_CREDENTIALS");
    };
    let begun = options(&world).await;
    let elsewhere = "https://tickets.evil.test";
    let credential = authenticator.get(&begun["options"], elsewhere, VERIFIED);
    refused(&begun, &credential).await;
    let unverified = authenticator.get(&begun["options"], PAGES, PRESENT);
    refused(&begun, &unverified).await;
    let of_another = options(&world).await;
    let credential = authenticator.get(&of_another["options"], PAGES, VERIFIED);
    refused(&begun, &credential).await;
    let mut tampered = authenticator.get(&begun["options"], PAGES, VERIFIED);
    tampered["response"]["signature"] = json!(encoded([0x30, 0x00]));
    refused(&begun, &tampered).await;
    let mut stranger = Authenticator::new();
    stranger.user_handle = authenticator.user_handle.clone();
    let credential = stranger.get(&begun["options"], PAGES, VERIFIED);
    refused(&begun, &credential).await;
    // Under the id of another account.
    let mut posing = authenticator.get(&begun["options"], PAGES, VERIFIED);
    posing["response"]["userHandle"] = json!(encoded(Uuid::new_v4().as_bytes()));
    refused(&begun, &posing).await;

    let good = authenticator.get(&begun["options"], PAGES, VERIFIED);
    sign_in(&world, &begun, &good).await.data(200);
    // A copy of the authenticator has an older counter.
    authenticator.counter = 0;
    let begun = options(&world).await;
    let cloned = authenticator.get(&begun["options"], PAGES, VERIFIED);
    refused(&begun, &cloned).await;
    pass(&world, 300_000);
    authenticator.counter = 100;
    let late = authenticator.get(&begun["options"], PAGES, VERIFIED);
    let late = sign_in(&world, &begun, &late).await;
    late.error(410, "CHALLENGE_EXPIRED");
    let guessed = json!({ "ceremony": "AAAA" });
    sign_in(&world, &guessed, &json!({}))
        .await
        .error(410, "CHALLENGE_EXPIRED");
}

#[tokio::test]
async fn a_passkey_is_registered_for_the_account_that_asked_once() {
    let world = world().await;
    let signed_in = register_verified(&world).await;
    let mut authenticator = Authenticator::new();
    let begun = begin(&world, &signed_in).await.data(200);
    let user = &begun["options"]["publicKey"]["user"];
    assert_eq!(user["name"], EMAIL);
    let unverified = authenticator.create(&begun["options"], PAGES, PRESENT);
    add(&world, &signed_in, &begun, &unverified)
        .await
        .error(401, "INVALID_CREDENTIALS");
    let elsewhere = authenticator.create(&begun["options"], "https://evil.test", VERIFIED);
    add(&world, &signed_in, &begun, &elsewhere)
        .await
        .error(401, "INVALID_CREDENTIALS");
    let other = json!({ "email": "other@example.test", "password": PASSWORD });
    let other = post(&world, "register", other).await.data(201);
    let link = json!({ "token": mailed(&world).await });
    let verified = call(&world, &other, Method::POST, "verify-email", link).await;
    verified.data(200);
    let good = authenticator.create(&begun["options"], PAGES, VERIFIED);
    add(&world, &other, &begun, &good)
        .await
        .error(410, "CHALLENGE_EXPIRED");
    add(&world, &signed_in, &begun, &good).await.data(201);
    add(&world, &signed_in, &begun, &good)
        .await
        .error(410, "CHALLENGE_EXPIRED");
    // The same authenticator once more.
    let begun = begin(&world, &signed_in).await.data(200);
    let known = &begun["options"]["publicKey"]["excludeCredentials"][0]["id"];
    assert_eq!(known, &json!(encoded(authenticator.credential)));
    let again = authenticator.create(&begun["options"], PAGES, VERIFIED);
    add(&world, &signed_in, &begun, &again)
        .await
        .error(401, "INVALID_CREDENTIALS");
    let begun = begin(&world, &other).await.data(200);
    let taken = authenticator.create(&begun["options"], PAGES, VERIFIED);
    add(&world, &other, &begun, &taken)
        .await
        .error(409, "PASSKEY_TAKEN");
}

#[tokio::test]
async fn a_passkey_is_registered_once_under_a_key_with_the_same_codes() {
    let world = world().await;
    let signed_in = register_verified(&world).await;
    let mut authenticator = Authenticator::new();
    let begun = begin(&world, &signed_in).await.data(200);
    let credential = authenticator.create(&begun["options"], PAGES, VERIFIED);
    let body = json!({ "ceremony": begun["ceremony"], "credential": credential });
    let add = async || {
        let post = (Method::POST, "auth/factors/passkeys");
        keyed(&world, &signed_in, post, "k", body.clone()).await
    };
    let added = first(&add().await, 201);
    assert_eq!(added["recovery_codes"].as_array().unwrap().len(), 10);
    assert_eq!(replayed(&add().await, 201), added);
    forget(&world).await;
    assert_eq!(replayed(&add().await, 201), added);
    let listed = call(&world, &signed_in, Method::GET, "factors", Value::Null).await;
    let passkeys = listed.data(200)["passkeys"].clone();
    assert_eq!(passkeys.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_passkey_steps_up_and_is_removed() {
    let world = world().await;
    let signed_in = register_verified(&world).await;
    let (_, codes) = with_app(&world, &signed_in).await;
    assert_eq!(codes.len(), 10);
    let (mut authenticator, added) = with_passkey(&world, &signed_in).await;
    assert_eq!(added["recovery_codes"], Value::Null, "there are some");
    pass(&world, 15 * 60_000);
    let session = refresh(&world, &signed_in).await.data(200);
    let path = format!("factors/passkeys/{}", added["passkey_id"].as_str().unwrap());
    let password = json!({ "password": PASSWORD });
    let remove = || call(&world, &session, Method::DELETE, &path, password.clone());
    let asked = remove().await.error(401, "SECOND_FACTOR_REQUIRED");
    assert_eq!(asked["ways"], json!(["totp", "recovery_code", "passkey"]));
    let begun = options(&world).await;
    let credential = authenticator.get(&begun["options"], PAGES, VERIFIED);
    let body = json!({ "ceremony": begun["ceremony"], "credential": credential });
    // In a session of another account it shows nothing.
    let other = json!({ "email": "other@example.test", "password": PASSWORD });
    let other = post(&world, "register", other).await.data(201);
    let posing = call(&world, &other, Method::POST, "step-up", body.clone()).await;
    posing.error(401, "INVALID_CREDENTIALS");
    let stepped = call(&world, &session, Method::POST, "step-up", body.clone()).await;
    stepped.data(200);
    let again = call(&world, &session, Method::POST, "step-up", body).await;
    again.error(401, "INVALID_CREDENTIALS");
    remove().await.data(200);
    remove().await.error(404, "NOT_FOUND");
    let begun = options(&world).await;
    let credential = authenticator.get(&begun["options"], PAGES, VERIFIED);
    sign_in(&world, &begun, &credential)
        .await
        .error(401, "INVALID_CREDENTIALS");
    let last = told(&world).await.pop();
    assert_eq!(last, Some(Notice::PasskeyRemoved));
}

#[tokio::test]
async fn a_disabled_account_is_not_opened_by_its_passkey() {
    let world = world().await;
    let signed_in = register_verified(&world).await;
    let (mut authenticator, _) = with_passkey(&world, &signed_in).await;
    let user: Uuid = signed_in["user"]["user_id"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let unattended = Unaudited::Unattended;
    let raised = world
        .store
        .set_user_role(user, UserRole::Admin, NOW_MS, unattended);
    raised.await.unwrap().unwrap();
    let begun = options(&world).await;
    let credential = authenticator.get(&begun["options"], PAGES, VERIFIED);
    let admin = sign_in(&world, &begun, &credential).await.data(200);
    assert_eq!(admin["user"]["role"], "admin");
    // There has to be an admin.
    let body = json!({ "email": "other@example.test", "password": PASSWORD });
    let other = post(&world, "register", body).await.data(201);
    let other: Uuid = other["user"]["user_id"].as_str().unwrap().parse().unwrap();
    let raised = world
        .store
        .set_user_role(other, UserRole::Admin, NOW_MS, unattended);
    raised.await.unwrap().unwrap();
    let disabled = world
        .store
        .set_user_disabled(user, true, NOW_MS, unattended);
    disabled.await.unwrap().unwrap();
    let begun = options(&world).await;
    let credential = authenticator.get(&begun["options"], PAGES, VERIFIED);
    sign_in(&world, &begun, &credential)
        .await
        .error(403, "FORBIDDEN");
}

/// Refusals in the audit trail.
async fn refusals(world: &World) -> usize {
    let actions = audited(world).await;
    actions
        .iter()
        .filter(|action| *action == "session.refuse")
        .count()
}

#[tokio::test]
async fn a_made_up_passkey_leaves_nothing_in_the_trail() {
    let world = world().await;
    let signed_in = register_verified(&world).await;
    let (mut authenticator, _) = with_passkey(&world, &signed_in).await;
    let begun = options(&world).await;
    let mut stranger = Authenticator::new();
    stranger.user_handle = json!(encoded(Uuid::new_v4().as_bytes()));
    let made_up = stranger.get(&begun["options"], PAGES, VERIFIED);
    for _ in 0..3 {
        let refused = sign_in(&world, &begun, &made_up).await;
        refused.error(401, "INVALID_CREDENTIALS");
    }
    assert_eq!(refusals(&world).await, 0);
    // What is tried on an account is in it.
    let mut posing = authenticator.get(&begun["options"], PAGES, VERIFIED);
    posing["response"]["userHandle"] = stranger.user_handle.clone();
    let refused = sign_in(&world, &begun, &posing).await;
    refused.error(401, "INVALID_CREDENTIALS");
    assert_eq!(refusals(&world).await, 1);
}

#[tokio::test]
async fn passkeys_are_tried_no_faster_than_passwords() {
    let world = World::with(|all| {
        all.accounts = config();
        all.accounts.pages_url = Some(PAGES.to_owned());
        all.rate_limit.enabled = true;
        all.rate_limit.login = Rate {
            per_minute: 1,
            burst: 3,
        };
    })
    .await;
    let begun = options(&world).await;
    let mut stranger = Authenticator::new();
    stranger.user_handle = json!(encoded(Uuid::new_v4().as_bytes()));
    let made_up = stranger.get(&begun["options"], PAGES, VERIFIED);
    let body = json!({ "ceremony": begun["ceremony"], "credential": made_up });
    // The two routes count together.
    for path in ["passkeys/sign-in", "cookie/passkey", "passkeys/sign-in"] {
        let call = world.post(&format!("/api/v1/auth/{path}")).json(&body);
        let tried = call.header("sec-fetch-site", "same-origin").send().await;
        tried.error(401, "INVALID_CREDENTIALS");
    }
    for path in ["passkeys/sign-in", "cookie/passkey"] {
        let call = world.post(&format!("/api/v1/auth/{path}")).json(&body);
        let refused = call.header("sec-fetch-site", "same-origin").send().await;
        refused.error(429, "RATE_LIMITED");
    }
}

#[tokio::test]
async fn where_browsers_have_no_passkeys_there_are_none() {
    let world = World::with(|all| {
        all.accounts = config();
        all.accounts.pages_url = Some("http://tickets.example.test".to_owned());
    })
    .await;
    let signed_in = register_verified(&world).await;
    let reply = world.post("/api/v1/auth/passkeys/options").send().await;
    reply.error(501, "NOT_SUPPORTED");
    begin(&world, &signed_in).await.error(501, "NOT_SUPPORTED");
}
