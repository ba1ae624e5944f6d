//! What can be done once alone is told again, also where the process died before it had answered.

use std::net::{IpAddr, Ipv4Addr};

use http::Method;
use onsale_accounts::{Accounts, Asked, Asker, Follower, KeyBounds, Origin, Repeat, Started};
use onsale_auth::Minter;
use onsale_ingress::IngressConfig;
use onsale_private::Private;
use onsale_settings::Secret;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{BUYER, OTHER, keyed, replayed};
use crate::accounts::{OTHER_PASSWORD, PASSWORD, config, mailed, post};
use crate::support::{NOW_MS, SECRET, World};
use crate::tenants::{call, owner_of, person, world};

/// Room for every key.
const WIDE: KeyBounds = KeyBounds {
    of_owner: 100,
    of_all: 100,
};

/// A node beside the one that is called, which does what its edge and its endpoints do, by hand, and dies where the
/// answer is to be remembered.
struct Dying(Accounts);

impl Dying {
    fn beside(world: &World) -> Self {
        let mut all = IngressConfig::default();
        all.auth.hs256_secret = Some(Secret::new(SECRET));
        let minter = Minter::of_sessions(&all.auth).unwrap();
        let ring = config().ring().unwrap().unwrap();
        Self(Accounts::start(config(), ring, minter, world.store.clone()).unwrap())
    }

    async fn begin(&self, asker: Asker<'_>, asked: Asked<'_>, bounds: KeyBounds) -> Started {
        let (started, _) = self.begun(asker, asked, bounds).await;
        started
    }

    async fn begun(
        &self,
        asker: Asker<'_>,
        asked: Asked<'_>,
        bounds: KeyBounds,
    ) -> (Started, Repeat) {
        let begun = self.0.begin_call(asker, asked, bounds, NOW_MS).await;
        begun.unwrap()
    }

    /// Begins a call, and where it comes from then: `data` is what it answers.
    async fn origin(&self, asker: Asker<'_>, asked: Asked<'_>, data: &Value) -> Origin {
        let (started, repeat) = self.begun(asker, asked, WIDE).await;
        assert!(matches!(started, Started::Now(_)), "{started:?}");
        let mut kept = vec![0];
        kept.extend(data.to_string().into_bytes());
        Origin {
            repeat: Some(repeat.telling(200, kept)),
            ..Origin::default()
        }
    }

    /// As [`Dying::origin`], of who shows the token of a link.
    async fn by_link(&self, path: &str, token: &str, body: &Value) -> Origin {
        let shown = Private::new(token);
        let asker = Asker::Nobody {
            shown: &shown,
            network: None,
            is_of_network: false,
        };
        let (operation, target) = (
            format!("POST /api/v1/auth/{path}"),
            format!("/api/v1/auth/{path}"),
        );
        let body = body.to_string();
        let asked = Asked {
            key: "k",
            operation: &operation,
            target: &target,
            caller: None,
            body: body.as_bytes(),
        };
        self.origin(asker, asked, &done()).await
    }
}

fn done() -> Value {
    json!({ "done": true })
}

fn user(signed_in: &Value) -> Uuid {
    let user = signed_in["user"]["user_id"].as_str().unwrap();
    user.parse().unwrap()
}

/// The repeat of a call by a link is told what was done; under another key it is another call, and too late.
async fn is_told(world: &World, path: &str, body: &Value) {
    let path = format!("auth/{path}");
    let post = (Method::POST, path.as_str());
    let again = keyed(world, &Value::Null, post.clone(), "k", body.clone()).await;
    assert_eq!(replayed(&again, 200), done(), "{path}");
    let other = keyed(world, &Value::Null, post, "l", body.clone()).await;
    other.error(410, "LINK_EXPIRED");
}

#[tokio::test]
async fn a_link_that_was_used_under_a_key_is_told_so() {
    let world = world(true).await;
    let node = Dying::beside(&world);
    let register = json!({ "email": BUYER, "password": PASSWORD });
    let buyer = post(&world, "register", register).await.data(201);

    let token = mailed(&world).await;
    let body = json!({ "token": token, "password": PASSWORD });
    let origin = node.by_link("verify-email", &token, &body).await;
    let (link, password) = (Private::new(token), Private::new(PASSWORD));
    let follower = Follower {
        session: None,
        password: Some(&password),
    };
    let verified = node.0.verify_email(&link, follower, &origin, NOW_MS).await;
    verified.unwrap();
    is_told(&world, "verify-email", &body).await;

    let change = json!({ "email": OTHER, "password": PASSWORD });
    let asked = call(&world, &buyer, Method::POST, "auth/change-email", change).await;
    asked.data(202);
    let token = mailed(&world).await;
    let body = json!({ "token": token, "password": PASSWORD });
    let origin = node.by_link("confirm-email", &token, &body).await;
    let link = Private::new(token);
    let confirmed = node.0.confirm_email(&link, follower, &origin, NOW_MS).await;
    confirmed.unwrap();
    is_told(&world, "confirm-email", &body).await;

    let forgot = json!({ "email": OTHER });
    post(&world, "forgot-password", forgot).await.data(202);
    let token = mailed(&world).await;
    let body = json!({ "token": token, "password": OTHER_PASSWORD });
    let origin = node.by_link("reset-password", &token, &body).await;
    let (link, password) = (Private::new(token), Private::new(OTHER_PASSWORD));
    let reset = node
        .0
        .reset_password(&link, &password, &origin, NOW_MS)
        .await;
    reset.unwrap();
    is_told(&world, "reset-password", &body).await;
}

#[tokio::test]
async fn an_invitation_that_was_accepted_under_a_key_is_told_so() {
    let world = world(true).await;
    let node = Dying::beside(&world);
    let (owner, tenant) = owner_of(&world, "opera").await;
    let members = format!("tenants/{}/members", tenant["tenant_id"].as_str().unwrap());
    let buyer = person(&world, BUYER).await;
    let invitation = json!({ "email": BUYER, "role": "manager" });
    let invited = call(&world, &owner, Method::POST, &members, invitation).await;
    invited.data(202);
    let token = mailed(&world).await;
    let path = format!("invitations/{token}/accept");
    let target = format!("/api/v1/{path}");
    let asker = Asker::Caller {
        user: user(&buyer),
        standing: "buyer",
    };
    let asked = Asked {
        key: "k",
        operation: "POST /api/v1/invitations/{token}/accept",
        target: &target,
        caller: Some(user(&buyer)),
        body: b"",
    };
    let joined = json!({ "tenant_id": tenant["tenant_id"], "role": "manager" });
    let origin = node.origin(asker, asked, &joined).await;
    let link = Private::new(token);
    let invited = node.0.invited_to(&link, NOW_MS).await.unwrap();
    assert_eq!(invited.1.as_str(), "manager");
    let accepted = node
        .0
        .accept_invitation(&link, user(&buyer), &origin, NOW_MS);
    accepted.await.unwrap();
    let accept = (Method::POST, path.as_str());
    let again = keyed(&world, &buyer, accept.clone(), "k", Value::Null).await;
    assert_eq!(replayed(&again, 200), joined);
    let other = keyed(&world, &buyer, accept, "l", Value::Null).await;
    other.error(410, "LINK_EXPIRED");
}

#[tokio::test]
async fn a_password_that_was_changed_under_a_key_is_told_so() {
    let world = world(true).await;
    let node = Dying::beside(&world);
    let buyer = person(&world, BUYER).await;
    // The link was followed beside the session, which is the only one.
    let sessions = call(&world, &buyer, Method::GET, "auth/sessions", Value::Null).await;
    let sessions = sessions.data(200);
    let session: Uuid = sessions[0]["session_id"].as_str().unwrap().parse().unwrap();
    let body = json!({ "current_password": PASSWORD, "new_password": OTHER_PASSWORD });
    let text = body.to_string();
    let asker = Asker::Caller {
        user: user(&buyer),
        standing: "buyer",
    };
    let asked = Asked {
        key: "k",
        operation: "POST /api/v1/auth/change-password",
        target: "/api/v1/auth/change-password",
        caller: Some(user(&buyer)),
        body: text.as_bytes(),
    };
    let origin = node.origin(asker, asked, &done()).await;
    let (old, new) = (Private::new(PASSWORD), Private::new(OTHER_PASSWORD));
    let changed = node
        .0
        .change_password(user(&buyer), Some(session), &old, &new, &origin, NOW_MS);
    changed.await.unwrap();
    let change = (Method::POST, "auth/change-password");
    let again = keyed(&world, &buyer, change.clone(), "k", body.clone()).await;
    assert_eq!(replayed(&again, 200), done());
    let other = keyed(&world, &buyer, change, "l", body).await;
    other.error(401, "INVALID_CREDENTIALS");
}

#[tokio::test]
async fn whom_nobody_knows_begins_no_key_where_there_is_no_room() {
    let world = world(true).await;
    let shown = Private::new(BUYER);
    let nobody = |last: u8| Asker::Nobody {
        shown: &shown,
        network: Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, last))),
        is_of_network: true,
    };
    let asked = |key| Asked {
        key,
        operation: "POST /api/v1/auth/guest",
        target: "/api/v1/auth/guest",
        caller: None,
        body: b"{}",
    };
    let full = KeyBounds {
        of_owner: 100,
        of_all: 1,
    };
    let before = Dying::beside(&world);
    let first = before.begin(nobody(1), asked("k"), full).await;
    assert!(matches!(first, Started::Now(_)), "{first:?}");
    // What was seen is good for a minute; this one looks anew.
    let node = Dying::beside(&world);
    for last in [1, 2] {
        let more = node.begin(nobody(last), asked("l"), full).await;
        assert!(matches!(more, Started::Full), "{more:?}");
    }
    let known = node.begin(nobody(1), asked("k"), full).await;
    assert!(matches!(known, Started::Running(_)), "{known:?}");
    // Accounts have bounds of their own.
    let account = Asker::Caller {
        user: Uuid::from_u128(1),
        standing: "buyer",
    };
    let theirs = node.begin(account, asked("l"), full).await;
    assert!(matches!(theirs, Started::Now(_)), "{theirs:?}");
    // And so has each network, whatever it shows.
    let narrow = KeyBounds {
        of_owner: 1,
        of_all: 100,
    };
    let node = Dying::beside(&world);
    let other = Private::new(OTHER);
    let shows_another = Asker::Nobody {
        shown: &other,
        network: Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))),
        is_of_network: true,
    };
    let more = node.begin(shows_another, asked("l"), narrow).await;
    assert!(matches!(more, Started::TooMany(_)), "{more:?}");
    let elsewhere = node.begin(nobody(3), asked("l"), narrow).await;
    assert!(matches!(elsewhere, Started::Now(_)), "{elsewhere:?}");
}
