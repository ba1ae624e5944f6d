//! What is said of values that cannot be: what stands in a field that is no secret, and never what is personal.

use http::Method;
use serde_json::{Value, json};

use super::{call, owner_of, world};
use crate::accounts::{PASSWORD, post};
use crate::support::{Reply, World};

/// A wrong body, the field that is named, and the value that is repeated.
type Wrong = (Method, String, Value, &'static str, Value);

async fn refused(world: &World, by: &Value, (method, path, body, field, value): Wrong) {
    let said = call(world, by, method, &path, body).await;
    names(&said, &path, field, &value);
}

#[track_caller]
fn names(said: &Reply, path: &str, field: &str, value: &Value) {
    let details = said.error(400, "VALIDATION_ERROR");
    assert_eq!(details["field"], field, "{path}");
    assert_eq!(&details["value"], value, "{path}: {field}");
}

#[tokio::test]
async fn a_value_that_is_no_secret_is_named() {
    let world = world(true).await;
    let (owner, tenant) = owner_of(&world, "opera").await;
    let tenant = format!("tenants/{}", tenant["tenant_id"].as_str().unwrap());
    let colors = json!({ "colors": {
        "background": "#ffffff", "text": "#000000", "accent": "blue", "accent_text": "#ffffff",
    } });
    let key = |scopes: Value| json!({ "name": "import", "scopes": scopes });
    let mut late = key(json!(["read_sales"]));
    late["expires_at"] = json!("2001-02-03T04:05:06.000Z");
    let (post, put, patch) = (Method::POST, Method::PUT, Method::PATCH);
    let keys = format!("{tenant}/api-keys");
    let branding = format!("{tenant}/branding");
    for wrong in [
        (
            post.clone(),
            "tenants".to_owned(),
            json!({ "name": "Opera", "slug": "Op era" }),
            "slug",
            json!("Op era"),
        ),
        (
            patch,
            tenant.clone(),
            json!({ "slug": "-opera" }),
            "slug",
            json!("-opera"),
        ),
        (
            put.clone(),
            branding.clone(),
            colors,
            "colors.accent",
            json!("blue"),
        ),
        (
            put.clone(),
            branding.clone(),
            json!({ "contact": { "website": "javascript:1" } }),
            "contact.website",
            json!("javascript:1"),
        ),
        (
            post.clone(),
            keys.clone(),
            key(json!(["read_sales", "foo"])),
            "scopes",
            json!("foo"),
        ),
        (
            post.clone(),
            keys,
            late,
            "expires_at",
            json!("2001-02-03T04:05:06.000Z"),
        ),
        (
            post,
            format!("{tenant}/members"),
            json!({ "email": "b@example.test", "role": "scanner", "locale": "xx!" }),
            "locale",
            json!("xx!"),
        ),
        (
            put.clone(),
            "auth/me".to_owned(),
            json!({ "locale": "xx!" }),
            "locale",
            json!("xx!"),
        ),
        // What is personal is not repeated.
        (
            put.clone(),
            "auth/me".to_owned(),
            json!({ "phone": "021234567" }),
            "phone",
            Value::Null,
        ),
        (
            put.clone(),
            "auth/me".to_owned(),
            json!({ "name": 7 }),
            "name",
            Value::Null,
        ),
        (
            put,
            branding,
            json!({ "contact": { "email": "nobody" } }),
            "contact.email",
            Value::Null,
        ),
    ] {
        refused(&world, &owner, wrong).await;
    }
}

#[tokio::test]
async fn a_secret_body_shows_its_open_fields_alone() {
    let world = world(true).await;
    let login = json!({ "email": "a@example.test", "password": PASSWORD, "tenant_id": "x" });
    names(
        &post(&world, "login", login).await,
        "login",
        "tenant_id",
        &json!("x"),
    );
    let guest = json!({ "email": "a@example.test", "show_id": "x" });
    names(
        &post(&world, "guest", guest).await,
        "guest",
        "show_id",
        &json!("x"),
    );
    let register = json!({ "email": "a@example.test", "password": PASSWORD, "locale": "xx!" });
    let register = post(&world, "register", register).await;
    names(&register, "register", "locale", &json!("xx!"));
    let misplaced = json!({ "email": "a@example.test", "password": 7, "tenant_id": null });
    names(
        &post(&world, "login", misplaced).await,
        "login",
        "password",
        &Value::Null,
    );
}
