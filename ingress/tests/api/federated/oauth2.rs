//! A provider of OAuth2 alone, which signs nothing.

use http::Method;
use onsale_accounts::{Preset, ProviderConfig};
use onsale_settings::Secret;
use serde_json::{Value, json};

use super::house::{Answer, CLIENT_ID, CLIENT_SECRET, House};
use super::{EMAIL, call, code, come_back, exchange, landed, parameter, start_at, world_with};
use crate::accounts::{PASSWORD, mailed, post};

#[tokio::test]
async fn oauth2_alone_creates_accounts_whose_address_is_to_be_verified() {
    let house = House::open().await;
    let url = |path: &str| Some(format!("{}/{path}", house.url));
    let facebook = ProviderConfig {
        preset: Some(Preset::Facebook),
        client_id: CLIENT_ID.to_owned(),
        client_secret: Some(Secret::new(CLIENT_SECRET)),
        authorization_url: url("dialog"),
        token_url: url("token"),
        user_url: url("me?fields=id,name,email"),
        ..ProviderConfig::default()
    };
    let world = world_with(&[("facebook", facebook)], |_| {}).await;
    let access = json!({ "access_token": "access-1", "token_type": "bearer" });
    house.shared.lock().token = Answer::Json(access);
    let come = async |user: Value| {
        house.shared.lock().user = Answer::Json(user);
        let begun = start_at(&world, "facebook").await;
        assert_eq!(parameter(&begun.location, "scope"), "email public_profile");
        assert_eq!(parameter(&begun.location, "code_challenge").len(), 43);
        let query = format!("code=c1&state={}", begun.state);
        let reply = come_back(&world, "facebook", &begun.cookie, &query).await;
        (begun, landed(&reply))
    };
    let person = json!({ "id": "17", "name": "No Body", "email": EMAIL });
    let (begun, fragment) = come(person.clone()).await;
    let signed_in = exchange(&world, &begun.cookie, code(&fragment))
        .await
        .data(200);
    assert_eq!(signed_in["user"]["email_verified"], false);
    assert_eq!(
        house.shared.lock().bearer.as_deref(),
        Some("Bearer access-1")
    );
    let (form, header) = house.shared.lock().exchanges[0].clone();
    assert_eq!(header, None);
    assert_eq!(
        parameter(&format!("?{form}"), "client_secret"),
        CLIENT_SECRET
    );
    // It is sent a link, as after a registration.
    let link = json!({ "token": mailed(&world).await, "password": PASSWORD });
    let guessed = post(&world, "verify-email", link.clone()).await;
    guessed.error(401, "INVALID_CREDENTIALS");
    let followed = call(&world, &signed_in, Method::POST, "verify-email", link).await;
    followed.data(200);
    let (begun, fragment) = come(person).await;
    exchange(&world, &begun.cookie, code(&fragment))
        .await
        .data(200);
    // Nothing vouches for the address of another person there.
    let (_, fragment) = come(json!({ "id": "18", "email": EMAIL })).await;
    assert_eq!(fragment, "sign_in_error=account_exists");
    for wrong in [json!({ "id": "" }), json!({ "email": EMAIL }), json!([])] {
        let (_, fragment) = come(wrong).await;
        assert_eq!(fragment, "sign_in_error=provider");
    }
}
