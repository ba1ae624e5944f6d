//! Another address for an account, in a browser: the same calls as without cookies.

use http::Method;
use serde_json::{Value, json};

use super::{
    ACCESS, EMAIL, HOST, OTHER_EMAIL, cookie, login, page, refresh_cookies, register, world,
};
use crate::accounts::{PASSWORD, mailed};

#[tokio::test]
async fn a_page_moves_its_account_and_stays_signed_in() {
    let world = world().await;
    register(&world, EMAIL).await;
    mailed(&world).await;
    let signed_in = login(&world, EMAIL).await;
    let elsewhere = login(&world, EMAIL).await;
    let access = cookie(&signed_in, ACCESS);
    let send = async |path: &str, body: Value| {
        let call = page(&world, Method::POST, path).header("cookie", &access);
        call.json(&body).send().await
    };
    let body = json!({ "email": OTHER_EMAIL, "password": PASSWORD });
    let posing = world
        .post("/api/v1/auth/change-email")
        .header("host", HOST)
        .header("origin", "https://elsewhere.example")
        .header("cookie", &access)
        .json(&body);
    posing.send().await.error(403, "CROSS_SITE_REQUEST");
    send("auth/change-email", body).await.data(202);
    let link = json!({ "token": mailed(&world).await });
    send("auth/confirm-email", link).await.data(200);
    let refresh = async |cookies: &str| {
        let call = page(&world, Method::POST, "auth/cookie/refresh");
        call.header("cookie", cookies).send().await
    };
    let next = refresh(&refresh_cookies(&signed_in)).await.data(200);
    assert_eq!(next["user"]["email"], OTHER_EMAIL);
    refresh(&refresh_cookies(&elsewhere))
        .await
        .error(401, "UNAUTHORIZED");
}
