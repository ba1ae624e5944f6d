//! How tenants look, over HTTP.

use std::io::Cursor;

use http::Method;
use image::{DynamicImage, ImageFormat, Rgba, RgbaImage};
use onsale_ingress::{IngressConfig, Rate};
use onsale_settings::Secret;
use onsale_store::branding::SWEEP_KIND;
use onsale_store::job::JobFilter;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::accounts::{PASSWORD, config, mailed, post};
use crate::support::{Reply, World};
use crate::tenants::{call, login, owner_of, person};

const MEMBER: &str = "member@example.test";

/// A world whose uploads lie in a folder.
async fn world(change: impl FnOnce(&mut IngressConfig)) -> (World, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let location = folder.path().join("uploads").display().to_string();
    let world = World::with(|all| {
        all.accounts = config();
        all.accounts.self_service_tenants = true;
        all.uploads.location = Some(location);
        change(all);
    });
    (world.await, folder)
}

fn path_of(tenant: &Value, what: &str) -> String {
    format!("tenants/{}/{what}", tenant["tenant_id"].as_str().unwrap())
}

/// A picture of that size.
fn png(width: u32, height: u32) -> Vec<u8> {
    let pixels = RgbaImage::from_pixel(width, height, Rgba([139, 0, 0, 255]));
    let mut bytes = Cursor::new(Vec::new());
    let image = DynamicImage::ImageRgba8(pixels);
    image.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

async fn send_logo(world: &World, signed_in: &Value, tenant: &Value, file: Vec<u8>) -> Reply {
    let path = format!("/api/v1/{}", path_of(tenant, "logo"));
    let call = world.call(Method::PUT, &path);
    let call = call.token(signed_in["access_token"].as_str().unwrap());
    call.bare(file).send().await
}

fn said() -> Value {
    json!({
        "colors": {
            "background": "#FFFFFF", "text": "#1a1a1a", "accent": "#8b0000", "accent_text": "#ffffff",
        },
        "contact": {
            "email": "tickets@opera.example", "phone": "+66 2 123 4567",
            "website": "https://opera.example",
        },
        "imprint": "Opera Ltd.\nBangkok",
        "terms": "No refunds after the curtain has risen.",
    })
}

async fn sweeps(world: &World) -> Vec<String> {
    let filter = JobFilter {
        kind: Some(SWEEP_KIND.to_owned()),
        limit: 100,
        ..JobFilter::default()
    };
    let jobs = world.store.jobs(&filter).await.unwrap();
    let mut keys: Vec<String> = jobs.into_iter().map(|job| job.key).collect();
    keys.sort_unstable();
    keys
}

#[tokio::test]
async fn a_tenant_says_how_it_looks_and_everybody_sees_it() {
    let (world, _folder) = world(|_| {}).await;
    let (owner, tenant) = owner_of(&world, "opera").await;
    let path = path_of(&tenant, "branding");
    let before = call(&world, &owner, Method::GET, &path, Value::Null).await;
    let before = before.data(200);
    assert_eq!(before["name"], "Opera House");
    let nothing = json!({ "email": null, "phone": null, "website": null });
    assert_eq!(
        (&before["colors"], &before["contact"]),
        (&json!(null), &nothing)
    );
    assert_eq!(before["logo"], json!(null));
    assert_eq!(before["changed_at"], json!(null));

    let set = call(&world, &owner, Method::PUT, &path, said()).await;
    let set = set.data(200);
    assert_eq!(set["colors"]["background"], "#ffffff");
    assert_eq!(set["contact"]["phone"], "+6621234567");
    assert_eq!(set["contact"]["website"], "https://opera.example/");
    assert_eq!(set["imprint"], "Opera Ltd.\nBangkok");
    let read = call(&world, &owner, Method::GET, &path, Value::Null).await;
    assert_eq!(read.data(200), set);
    let public = world.get("/api/v1/branding/opera").send().await;
    assert_eq!(public.data(200), set);
    assert_eq!(public.header("cache-control"), "public, max-age=60");
    let none = world.get("/api/v1/branding/theatre").send().await;
    none.error(404, "NOT_FOUND");

    // Its names are changed where they always were.
    let names = json!({ "name": "Grand Opera", "slug": "grand-opera" });
    let tenant_path = path.trim_end_matches("/branding");
    call(&world, &owner, Method::PATCH, tenant_path, names)
        .await
        .data(200);
    let public = world.get("/api/v1/branding/grand-opera").send().await;
    let public = public.data(200);
    assert_eq!(
        (&public["name"], &public["imprint"]),
        (&json!("Grand Opera"), &set["imprint"])
    );

    // What is left out is not said any more.
    let bare = call(&world, &owner, Method::PUT, &path, json!({})).await;
    let bare = bare.data(200);
    assert_eq!(
        (&bare["colors"], &bare["contact"]),
        (&json!(null), &nothing)
    );

    let audit = "audit?action=tenant.brand";
    let entries = call(&world, &owner, Method::GET, audit, Value::Null).await;
    let entries = entries.data(200);
    assert_eq!(entries.as_array().unwrap().len(), 2);
    let changes = &entries[1]["detail"]["changes"];
    assert_eq!(changes["colors"]["before"], json!(null));
    assert_eq!(changes["colors"]["after"]["accent"], "#8b0000");
    assert_eq!(
        entries[0]["detail"]["changes"]["colors"]["before"]["accent"],
        "#8b0000"
    );
    assert_eq!(changes["contact_email"], "changed, not shown");
    let text = entries.to_string();
    assert!(
        !text.contains("Bangkok") && !text.contains("tickets@"),
        "{text}"
    );
}

#[tokio::test]
async fn what_cannot_be_said_is_refused_by_name() {
    let (world, _folder) = world(|_| {}).await;
    let (owner, tenant) = owner_of(&world, "opera").await;
    let path = path_of(&tenant, "branding");
    let refused = async |change: &dyn Fn(&mut Value)| {
        let mut body = said();
        change(&mut body);
        let refused = call(&world, &owner, Method::PUT, &path, body).await;
        refused.error(400, "VALIDATION_ERROR")
    };
    let details = refused(&|body| body["colors"]["text"] = json!("#777777")).await;
    assert_eq!(details["field"], "colors.text");
    assert_eq!(
        (&details["contrast"], &details["contrast_min"]),
        (&json!(4.47), &json!(4.5))
    );
    let details = refused(&|body| body["colors"]["accent"] = json!("#ff0000")).await;
    assert_eq!(details["field"], "colors.accent_text");
    assert_eq!(details["contrast"], json!(3.99));
    for (pointer, wrong, field) in [
        ("/colors/accent", json!("red"), "colors.accent"),
        ("/colors/accent", json!(null), "colors.accent"),
        ("/contact/email", json!("opera"), "contact.email"),
        ("/contact/phone", json!("12"), "contact.phone"),
        (
            "/contact/website",
            json!("javascript:alert(1)"),
            "contact.website",
        ),
        ("/imprint", json!("\u{202e}"), "imprint"),
        ("/terms", json!("x".repeat(20_001)), "terms"),
    ] {
        let details = refused(&|body| *body.pointer_mut(pointer).unwrap() = wrong.clone()).await;
        assert_eq!(details["field"], field, "{wrong}");
    }
    // As long as it may be, in letters of three bytes each.
    let mut long = said();
    long["terms"] = json!("ก".repeat(20_000));
    call(&world, &owner, Method::PUT, &path, long)
        .await
        .data(200);
}

#[tokio::test]
async fn a_logo_is_drawn_anew_and_never_changes_where_it_is() {
    let (world, _folder) = world(|_| {}).await;
    let (owner, tenant) = owner_of(&world, "opera").await;
    let own = path_of(&tenant, "logo");
    let none = call(&world, &owner, Method::GET, &own, Value::Null).await;
    none.error(404, "NOT_FOUND");

    // What browsers might take for a page.
    let mut file = png(1_000, 500);
    file.extend_from_slice(b"<script>alert(1)</script>");
    let set = send_logo(&world, &owner, &tenant, file).await.data(200);
    let logo = &set["logo"];
    assert_eq!(
        (&logo["width"], &logo["height"]),
        (&json!(512), &json!(256))
    );
    let url = logo["url"].as_str().unwrap();
    let public = world.get(url).send().await;
    assert_eq!(public.status.as_u16(), 200);
    assert_eq!(public.header("content-type"), "image/png");
    assert_eq!(public.header("x-content-type-options"), "nosniff");
    assert_eq!(
        public.header("cache-control"),
        "public, max-age=31536000, immutable"
    );
    assert_eq!(
        public.header("content-security-policy"),
        "default-src 'none'; sandbox"
    );
    assert!(!public.bytes.windows(7).any(|at| at == b"<script"));
    let shown = image::load_from_memory_with_format(&public.bytes, ImageFormat::Png).unwrap();
    assert_eq!((shown.width(), shown.height()), (512, 256));
    let mine = call(&world, &owner, Method::GET, &own, Value::Null).await;
    assert_eq!(mine.bytes, public.bytes);
    assert_eq!(mine.header("cache-control"), "no-store");
    let branding = world.get("/api/v1/branding/opera").send().await;
    assert_eq!(branding.data(200)["logo"], *logo);

    let svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"100\" height=\"50\">\
               <rect width=\"100\" height=\"50\" fill=\"#00ff00\"/></svg>";
    let drawn = send_logo(&world, &owner, &tenant, svg.into()).await;
    let drawn = drawn.data(200);
    let second = drawn["logo"]["url"].as_str().unwrap();
    assert_ne!(second, url);
    // Pages that show the one before find it still; a job deletes it an hour later.
    assert_eq!(world.get(url).send().await.bytes, public.bytes);
    let (first_id, second_id) = (
        &url["/api/v1/logos/".len()..],
        &second["/api/v1/logos/".len()..],
    );
    let mut expected = vec![
        format!("{first_id} announced"),
        format!("{first_id} replaced"),
        format!("{second_id} announced"),
    ];
    expected.sort_unstable();
    assert_eq!(sweeps(&world).await, expected);

    let bare = call(&world, &owner, Method::DELETE, &own, Value::Null).await;
    assert_eq!(bare.data(200)["logo"], json!(null));
    let none = call(&world, &owner, Method::GET, &own, Value::Null).await;
    none.error(404, "NOT_FOUND");
    let nothing = format!("/api/v1/logos/{}", uuid::Uuid::new_v4());
    world.get(&nothing).send().await.error(404, "NOT_FOUND");
    let audit = "audit?action=tenant.logo";
    let entries = call(&world, &owner, Method::GET, audit, Value::Null).await;
    let entries = entries.data(200);
    let changed = |at: usize| entries[at]["detail"]["changes"]["logo"].clone();
    assert_eq!(changed(0)["before"]["logo_id"], second_id);
    assert_eq!(changed(0)["after"], json!(null));
    assert_eq!(changed(1)["before"]["logo_id"], first_id);
    assert_eq!(changed(2)["before"], json!(null));
}

#[tokio::test]
async fn what_is_no_logo_is_refused_and_leaves_nothing_behind() {
    let (world, folder) = world(|_| {}).await;
    let (owner, tenant) = owner_of(&world, "opera").await;
    let svg = |content: &str| {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9\" height=\"9\">{content}</svg>"
        )
        .into_bytes()
    };
    let cut = png(50, 50)[..60].to_vec();
    for (file, said) in [
        (Vec::new(), "neither PNG nor JPEG nor SVG"),
        (b"GIF89a".to_vec(), "neither PNG nor JPEG nor SVG"),
        (
            b"<html><script>alert(1)</script>".to_vec(),
            "neither PNG nor JPEG nor SVG",
        ),
        (cut, "damaged"),
        (png(8_193, 1), "pixels"),
        (png(4_100, 4_100), "16 million"),
        (svg("<script>alert(1)</script>"), "script"),
        (svg("<image href=\"http://127.0.0.1:1/x.png\"/>"), "image"),
        (svg("<foreignObject/>"), "foreignObject"),
    ] {
        let refused = send_logo(&world, &owner, &tenant, file).await;
        let details = refused.error(400, "VALIDATION_ERROR");
        assert_eq!(details["field"], "body");
        let detail = refused.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(said), "{said}: {detail}");
    }
    let large = send_logo(&world, &owner, &tenant, vec![0; (1 << 20) + 1]).await;
    assert_eq!(
        large.error(413, "PAYLOAD_TOO_LARGE")["limit_bytes"],
        1 << 20
    );
    let path = format!("/api/v1/{}", path_of(&tenant, "logo"));
    let token = owner["access_token"].as_str().unwrap();
    let packed = world.call(Method::PUT, &path).token(token);
    let packed = packed.header("content-encoding", "gzip").bare(png(9, 9));
    packed.send().await.error(415, "UNSUPPORTED_MEDIA_TYPE");
    assert_eq!(sweeps(&world).await, Vec::<String>::new());
    assert!(!folder.path().join("uploads").exists());
    let branding = world.get("/api/v1/branding/opera").send().await;
    assert_eq!(branding.data(200)["logo"], json!(null));
}

#[tokio::test]
async fn a_scanner_looks_and_changes_nothing_and_neither_does_who_has_left() {
    let (world, _folder) = world(|_| {}).await;
    let (owner, tenant) = owner_of(&world, "opera").await;
    let invitation = json!({ "email": MEMBER, "role": "scanner" });
    let members = path_of(&tenant, "members");
    call(&world, &owner, Method::POST, &members, invitation)
        .await
        .data(202);
    let accept = format!("invitations/{}/accept", mailed(&world).await);
    let scanner = person(&world, MEMBER).await;
    call(&world, &scanner, Method::POST, &accept, Value::Null)
        .await
        .data(200);
    let scanner = login(&world, MEMBER, &tenant["tenant_id"]).await;
    let (branding, logo) = (path_of(&tenant, "branding"), path_of(&tenant, "logo"));
    call(&world, &scanner, Method::GET, &branding, Value::Null)
        .await
        .data(200);
    call(&world, &scanner, Method::PUT, &branding, said())
        .await
        .error(403, "FORBIDDEN");
    send_logo(&world, &scanner, &tenant, png(9, 9))
        .await
        .error(403, "FORBIDDEN");
    call(&world, &scanner, Method::DELETE, &logo, Value::Null)
        .await
        .error(403, "FORBIDDEN");
    // A token that says what does not hold any more.
    let logged_out = login(&world, "owner@example.test", &tenant["tenant_id"]).await;
    let refresh = json!({ "refresh_token": logged_out["refresh_token"] });
    let path = "/api/v1/auth/logout";
    let token = logged_out["access_token"].as_str().unwrap();
    let ended = world.post(path).token(token).json(&refresh).send().await;
    assert!(ended.status.is_success(), "{}", ended.json());
    call(&world, &logged_out, Method::PUT, &branding, said())
        .await
        .error(401, "UNAUTHORIZED");
    send_logo(&world, &logged_out, &tenant, png(9, 9))
        .await
        .error(401, "UNAUTHORIZED");
    let read = world.get("/api/v1/branding/opera").send().await;
    let read = read.data(200);
    assert_eq!(
        (&read["imprint"], &read["logo"]),
        (&json!(null), &json!(null))
    );
    let body = json!({ "email": MEMBER, "password": PASSWORD });
    post(&world, "login", body).await.data(200);
}

#[tokio::test]
async fn without_a_place_for_uploads_there_are_colours_and_no_logo() {
    let (world, _folder) = world(|all| all.uploads.location = None).await;
    let (owner, tenant) = owner_of(&world, "opera").await;
    send_logo(&world, &owner, &tenant, png(9, 9))
        .await
        .error(501, "NOT_SUPPORTED");
    let branding = path_of(&tenant, "branding");
    call(&world, &owner, Method::PUT, &branding, said())
        .await
        .data(200);
}

#[tokio::test]
async fn a_place_that_does_not_answer_is_a_503_and_changes_nothing() {
    let (world, _folder) = world(|all| {
        all.uploads.location = Some("s3://house".to_owned());
        // Port 1 of the loopback has no listener.
        all.uploads.s3_endpoint = Some("http://127.0.0.1:1".to_owned());
        all.uploads.s3_access_key = Some("key".to_owned());
        all.uploads.s3_secret_key = Some(Secret::new("secret-of-tests"));
    })
    .await;
    let (owner, tenant) = owner_of(&world, "opera").await;
    let refused = send_logo(&world, &owner, &tenant, png(9, 9)).await;
    refused.error(503, "OVERLOADED");
    assert!(!refused.json().to_string().contains("secret-of-tests"));
    let read = world.get("/api/v1/branding/opera").send().await;
    assert_eq!(read.data(200)["logo"], json!(null));
    // What may lie there all the same is looked after.
    assert_eq!(sweeps(&world).await.len(), 1);
}

#[tokio::test]
async fn uploads_have_limits_of_their_own_by_user_and_by_tenant() {
    for is_by_tenant in [false, true] {
        let (world, _folder) = world(|all| {
            all.rate_limit.enabled = true;
            let many = Rate {
                per_minute: 10_000,
                burst: 10_000,
            };
            let few = Rate {
                per_minute: 1,
                burst: 2,
            };
            all.rate_limit.other = many;
            all.rate_limit.login = many;
            all.rate_limit.register = many;
            all.rate_limit.reset = many;
            all.rate_limit.upload = if is_by_tenant { many } else { few };
            all.rate_limit.upload_by_tenant = if is_by_tenant { few } else { many };
        })
        .await;
        let (owner, tenant) = owner_of(&world, "opera").await;
        for _ in 0..2 {
            send_logo(&world, &owner, &tenant, png(9, 9))
                .await
                .data(200);
        }
        let refused = send_logo(&world, &owner, &tenant, png(9, 9)).await;
        refused.error(429, "RATE_LIMITED");
        let branding = path_of(&tenant, "branding");
        call(&world, &owner, Method::PUT, &branding, said())
            .await
            .data(200);
    }
}
