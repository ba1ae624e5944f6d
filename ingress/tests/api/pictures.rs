//! Pictures of events over HTTP.

mod drafts;
mod wrong;

use std::io::Cursor;

use http::Method;
use image::{DynamicImage, ImageFormat, Rgba, RgbaImage};
use onsale_ingress::{IngressConfig, Rate};
use onsale_store::audit::AuditFilter;
use onsale_store::catalog::PICTURE_SWEEP_KIND;
use onsale_store::job::JobFilter;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::accounts::config;
use crate::support::{Call, EVENT, World};

/// A world whose uploads lie in a folder.
async fn world(change: impl FnOnce(&mut IngressConfig)) -> (World, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let location = folder.path().join("uploads").display().to_string();
    let world = World::with(|all| {
        all.uploads.location = Some(location);
        change(all);
    });
    (world.await, folder)
}

/// A picture of that size; `alpha` is that of one pixel.
fn file(width: u32, height: u32, alpha: u8, format: ImageFormat) -> Vec<u8> {
    let mut pixels = RgbaImage::from_pixel(width, height, Rgba([139, 0, 0, 255]));
    pixels.put_pixel(0, 0, Rgba([0, 0, 139, alpha]));
    let image = DynamicImage::ImageRgba8(pixels);
    let image = match format {
        ImageFormat::Jpeg => DynamicImage::ImageRgb8(image.to_rgb8()),
        _ => image,
    };
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn png(width: u32, height: u32) -> Vec<u8> {
    file(width, height, 255, ImageFormat::Png)
}

fn event_path() -> String {
    format!("/api/v1/events/{EVENT}")
}

/// Sends a picture for an event, without a token yet.
fn put<'a>(world: &'a World, event: &str, query: &str, file: Vec<u8>) -> Call<'a> {
    let path = format!("{event}/picture{query}");
    world.call(Method::PUT, &path).bare(file)
}

/// The event after its organizer has sent a picture.
async fn sent(world: &World, event: &str, query: &str, file: Vec<u8>) -> Value {
    let call = put(world, event, query, file).by_role("organizer");
    call.send().await.data(200)
}

/// Where the picture of an event is in this width.
fn path_of(event: &Value, width: u32) -> String {
    let id = event["picture"]["id"].as_str().unwrap();
    format!("/api/v1/pictures/{id}/{width}")
}

/// Which pictures are looked at later, and why.
async fn looks(world: &World) -> Vec<String> {
    let filter = JobFilter {
        kind: Some(PICTURE_SWEEP_KIND.to_owned()),
        limit: 100,
        ..JobFilter::default()
    };
    let jobs = world.store.jobs(&filter).await.unwrap();
    let mut keys: Vec<String> = jobs.into_iter().map(|job| job.key).collect();
    keys.sort_unstable();
    keys
}

#[tokio::test]
async fn a_picture_is_drawn_in_a_few_widths_and_never_changes_where_it_is() {
    let (world, _folder) = world(|_| {}).await;
    let before = world.get(&event_path()).send().await;
    assert_eq!(before.data(200)["picture"], json!(null));

    // What browsers might take for a page.
    let mut bytes = png(2_000, 1_000);
    bytes.extend_from_slice(b"<script>alert(1)</script>");
    let event = sent(&world, &event_path(), "?alt=The%20hall%20at%20night", bytes).await;
    let picture = &event["picture"];
    assert_eq!(picture["widths"], json!([320, 640, 1_280]));
    assert_eq!(picture["height"], 640);
    assert_eq!(picture["alt"], "The hall at night");
    assert_eq!(picture["url"], path_of(&event, 1_280));
    let read = world.get(&event_path()).send().await;
    assert_eq!(read.data(200)["picture"], *picture);
    assert_ne!(read.header("etag"), before.header("etag"));
    let listed = world.get("/api/v1/events").send().await.data(200);
    assert_eq!(listed[0]["picture"], *picture);
    let page = world.get(&format!("{}?include=shows", event_path()));
    assert_eq!(page.send().await.data(200)["picture"], *picture);

    for (width, height) in [(320, 160), (640, 320), (1_280, 640)] {
        let shown = world.get(&path_of(&event, width)).send().await;
        assert_eq!(shown.status.as_u16(), 200);
        for (header, value) in [
            ("content-type", "image/jpeg"),
            ("x-content-type-options", "nosniff"),
            ("cache-control", "public, max-age=31536000, immutable"),
            ("content-security-policy", "default-src 'none'; sandbox"),
        ] {
            assert_eq!(shown.header(header), value);
        }
        assert!(!shown.bytes.windows(7).any(|at| at == b"<script"));
        let image = image::load_from_memory_with_format(&shown.bytes, ImageFormat::Jpeg);
        let image = image.unwrap();
        assert_eq!((image.width(), image.height()), (width, height));
        let known = world.get(&path_of(&event, width));
        let known = known.header("if-none-match", shown.header("etag"));
        let known = known.send().await;
        assert_eq!(known.status.as_u16(), 304);
        assert!(known.bytes.is_empty());
        assert_eq!(known.header("cache-control"), shown.header("cache-control"));
    }
    let id = picture["id"].as_str().unwrap();
    for path in [
        path_of(&event, 100),
        path_of(&event, 0),
        format!("/api/v1/pictures/{id}/wide"),
        format!("/api/v1/pictures/{id}/-1"),
        format!("/api/v1/pictures/{}/320", uuid::Uuid::new_v4()),
    ] {
        world.get(&path).send().await.error(404, "NOT_FOUND");
    }
}

#[tokio::test]
async fn a_picture_takes_the_place_of_the_one_before_until_it_is_taken_away() {
    let (world, _folder) = world(|_| {}).await;
    let first = sent(&world, &event_path(), "?alt=One", png(100, 50)).await;
    assert_eq!(first["picture"]["widths"], json!([100]));
    let jpeg = file(700, 700, 255, ImageFormat::Jpeg);
    let second = sent(&world, &event_path(), "", jpeg).await;
    assert_eq!(second["picture"]["widths"], json!([320, 640, 700]));
    assert_eq!(second["picture"]["alt"], json!(null));
    assert_ne!(second["picture"]["id"], first["picture"]["id"]);
    // Pages that show the one before find it still; a job deletes it an hour later.
    for path in [path_of(&first, 100), path_of(&second, 700)] {
        assert_eq!(world.get(&path).send().await.status.as_u16(), 200);
    }
    let path = format!("{}/picture", event_path());
    let remove = || world.call(Method::DELETE, &path).by_role("organizer");
    for _ in 0..2 {
        let bare = remove().send().await.data(200);
        assert_eq!(bare["picture"], json!(null));
    }
    let read = world.get(&event_path()).send().await.data(200);
    assert_eq!(read["picture"], json!(null));
    let id = |event: &Value| event["picture"]["id"].as_str().unwrap().to_owned();
    let mut expected = Vec::new();
    for event in [&first, &second] {
        expected.push(format!("{} announced", id(event)));
        expected.push(format!("{} replaced", id(event)));
    }
    expected.sort_unstable();
    assert_eq!(looks(&world).await, expected);

    let filter = AuditFilter {
        action: Some("event.picture".to_owned()),
        limit: 10,
        ..AuditFilter::default()
    };
    let entries = world.store.audit(&filter).await.unwrap();
    assert_eq!(entries.len(), 3, "what changes nothing has none");
    let changes = &entries[0].detail["changes"];
    assert_eq!(changes["picture"]["before"]["picture_id"], id(&second));
    assert_eq!(changes["picture"]["after"], json!(null));
    let first_entry = entries[2].detail.to_string();
    assert!(first_entry.contains("changed, not shown"), "{first_entry}");
}

#[tokio::test]
async fn what_is_to_be_seen_through_stays_so() {
    let (world, _folder) = world(|_| {}).await;
    let png = file(330, 330, 0, ImageFormat::Png);
    let event = sent(&world, &event_path(), "", png).await;
    assert_eq!(event["picture"]["widths"], json!([320, 330]));
    let shown = world.get(&path_of(&event, 330)).send().await;
    assert_eq!(shown.header("content-type"), "image/png");
    let image = image::load_from_memory_with_format(&shown.bytes, ImageFormat::Png).unwrap();
    assert_eq!(image.to_rgba8().get_pixel(0, 0).0[3], 0);
}

#[tokio::test]
async fn a_picture_is_changed_only_of_the_event_as_it_was_read() {
    let (world, _folder) = world(|_| {}).await;
    let tag = async || {
        let read = world.get(&event_path()).send().await;
        read.header("etag").to_owned()
    };
    let path = format!("{}/picture", event_path());
    let send = |tag: &str| {
        let call = put(&world, &event_path(), "", png(40, 40)).by_role("organizer");
        call.header("if-match", tag)
    };
    let remove = |tag: &str| {
        let call = world.call(Method::DELETE, &path).by_role("organizer");
        call.header("if-match", tag)
    };
    let first = tag().await;
    for wrong in ["\"nonsense\"", "\"999\""] {
        for refused in [send(wrong), remove(wrong)] {
            let refused = refused.send().await.error(412, "PRECONDITION_FAILED");
            let present = refused["etag"].as_str().unwrap().trim_matches('"');
            assert!(first.trim_matches('"').starts_with(present), "{present}");
        }
    }
    assert_eq!(looks(&world).await.len(), 0, "nothing was announced");
    let set = send(&first).send().await;
    let picture = set.data(200)["picture"].clone();
    assert!(picture["id"].is_string(), "{picture}");
    let second = tag().await;
    assert_ne!(second, first);
    assert_eq!(set.header("etag"), second);
    for late in [send(&first), remove(&first)] {
        late.send().await.error(412, "PRECONDITION_FAILED");
    }
    let read = world.get(&event_path()).send().await.data(200);
    assert_eq!(read["picture"], picture);
    let removed = remove(&second).send().await;
    assert_eq!(removed.data(200)["picture"], json!(null));
    assert_eq!(removed.header("etag"), tag().await);
}

#[tokio::test]
async fn a_picture_that_is_sent_again_under_its_key_is_the_same_one() {
    // Answers are remembered where there are accounts.
    let (world, _folder) = world(|all| all.accounts = config()).await;
    let again = || {
        let call = put(&world, &event_path(), "", png(40, 40));
        call.by_role("organizer")
            .header("idempotency-key", "one-picture")
    };
    let first = again().send().await.data(200);
    let second = again().send().await.data(200);
    assert_eq!(first["picture"]["id"], second["picture"]["id"]);
    assert_eq!(looks(&world).await.len(), 1);
}

#[tokio::test]
async fn pictures_have_the_limits_of_uploads_by_user_and_by_tenant() {
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
            all.rate_limit.upload = if is_by_tenant { many } else { few };
            all.rate_limit.upload_by_tenant = if is_by_tenant { few } else { many };
        })
        .await;
        for _ in 0..2 {
            sent(&world, &event_path(), "", png(9, 9)).await;
        }
        let refused = put(&world, &event_path(), "", png(9, 9)).by_role("organizer");
        refused.send().await.error(429, "RATE_LIMITED");
    }
}
