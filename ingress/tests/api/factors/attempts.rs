//! How often codes may be tried, and whom that holds up.

use serde_json::json;
use totp_rs::Secret;

use super::{App, answer, begin, challenge_of, confirm, pass, with_app, world};
use crate::accounts::{EMAIL, OTHER_PASSWORD, audited, mailed, post, register_verified};
use crate::support::World;

/// Sets another password, as who reads the account's mail can.
async fn reset(world: &World) {
    let forgot = post(world, "forgot-password", json!({ "email": EMAIL })).await;
    forgot.data(202);
    let body = json!({ "token": mailed(world).await, "password": OTHER_PASSWORD });
    post(world, "reset-password", body).await.data(200);
}

#[tokio::test]
async fn who_reads_the_mail_gets_no_more_codes_and_holds_no_recovery_code_up() {
    let world = world().await;
    let signed_in = register_verified(&world).await;
    let (app, codes) = with_app(&world, &signed_in).await;
    for round in 0..3 {
        reset(&world).await;
        for _ in 0..2 {
            let token = challenge_of(&world, OTHER_PASSWORD).await;
            for _ in 0..5 {
                let tried = answer(&world, &token, "000000").await;
                match round {
                    0 => tried.error(401, "INVALID_CODE"),
                    _ => tried.error(429, "RATE_LIMITED"),
                };
            }
        }
    }
    // A code of the app waits, and a recovery code does not.
    let token = challenge_of(&world, OTHER_PASSWORD).await;
    let held = answer(&world, &token, &app.next(&world)).await;
    held.error(429, "RATE_LIMITED");
    answer(&world, &token, &codes[0]).await.data(200);
    pass(&world, 15 * 60_000);
    let token = challenge_of(&world, OTHER_PASSWORD).await;
    answer(&world, &token, &app.next(&world)).await.data(200);
}

#[tokio::test]
async fn the_first_code_of_an_app_is_tried_a_few_times() {
    let world = world().await;
    let signed_in = register_verified(&world).await;
    let begun = begin(&world, &signed_in).await.data(201);
    let secret = begun["secret"].as_str().unwrap();
    let app = App(Secret::try_from_base32(secret).unwrap());
    for _ in 0..5 {
        confirm(&world, &signed_in, &app.at(&world, 5))
            .await
            .error(401, "INVALID_CODE");
    }
    confirm(&world, &signed_in, &app.at(&world, 0))
        .await
        .error(410, "CHALLENGE_EXPIRED");
    let refused = audited(&world).await;
    let refused = refused.iter().filter(|action| *action == "session.refuse");
    assert_eq!(refused.count(), 5);
    // Who knows the password begins again.
    let (_, codes) = with_app(&world, &signed_in).await;
    assert_eq!(codes.len(), 10);
}
