//! What is no picture, and what is where nothing can be kept.

use http::Method;
use image::{GrayImage, ImageFormat};
use onsale_settings::Secret;
use serde_json::json;

use super::{event_path, file, looks, png, put, sent, world};

/// A whole PNG of that many pixels of one colour: a small file.
fn bomb(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let pixels = GrayImage::new(width, height);
    pixels.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

#[tokio::test]
async fn what_is_no_picture_is_refused_and_leaves_nothing_behind() {
    let (world, folder) = world(|_| {}).await;
    let svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9\" height=\"9\">\
               <rect width=\"9\" height=\"9\"/></svg>";
    let jpeg = file(60, 60, 255, ImageFormat::Jpeg);
    for (file, said) in [
        (Vec::new(), "neither PNG nor JPEG"),
        (b"GIF89a".to_vec(), "neither PNG nor JPEG"),
        (svg.into(), "neither PNG nor JPEG"),
        (
            b"<html><script>alert(1)</script>".to_vec(),
            "neither PNG nor JPEG",
        ),
        (png(50, 50)[..60].to_vec(), "damaged"),
        (jpeg[..40].to_vec(), "damaged"),
        (bomb(8_193, 1), "pixels"),
        (bomb(8_000, 8_000), "16 million"),
        (bomb(100, 201), "twice as high as wide"),
    ] {
        let refused = put(&world, &event_path(), "", file).by_role("organizer");
        let refused = refused.send().await;
        let details = refused.error(400, "VALIDATION_ERROR");
        assert_eq!(details["field"], "body");
        let detail = refused.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(said), "{said}: {detail}");
    }
    let large = vec![0; (4 << 20) + 1];
    let large = put(&world, &event_path(), "", large).by_role("organizer");
    let details = large.send().await.error(413, "PAYLOAD_TOO_LARGE");
    assert_eq!(details["limit_bytes"], 4 << 20);
    let packed = put(&world, &event_path(), "", png(9, 9)).by_role("organizer");
    let packed = packed.header("content-encoding", "gzip");
    packed.send().await.error(415, "UNSUPPORTED_MEDIA_TYPE");
    let long = format!("?alt={}", "x".repeat(301));
    for (query, field) in [
        ("?alt=", "alt"),
        ("?alt=a%0Ab", "alt"),
        (long.as_str(), "alt"),
        ("?title=x", "title"),
    ] {
        let refused = put(&world, &event_path(), query, png(9, 9)).by_role("organizer");
        let details = refused.send().await.error(400, "VALIDATION_ERROR");
        assert_eq!(details["field"], field, "{query}");
    }
    assert_eq!(looks(&world).await, Vec::<String>::new());
    assert!(!folder.path().join("uploads").exists());
    let read = world.get(&event_path()).send().await.data(200);
    assert_eq!(read["picture"], json!(null));
    // As long as it may be, in letters of three bytes each.
    let alt = format!("?alt={}", "%E0%B8%81".repeat(300));
    let event = sent(&world, &event_path(), &alt, png(9, 9)).await;
    assert_eq!(event["picture"]["alt"], "ก".repeat(300));
}

#[tokio::test]
async fn without_a_place_for_uploads_there_are_no_pictures() {
    let (world, _folder) = world(|all| all.uploads.location = None).await;
    let refused = put(&world, &event_path(), "", png(9, 9)).by_role("organizer");
    refused.send().await.error(501, "NOT_SUPPORTED");
    let path = format!("/api/v1/pictures/{}/320", uuid::Uuid::new_v4());
    world.get(&path).send().await.error(501, "NOT_SUPPORTED");
    let remove = world.call(Method::DELETE, &format!("{}/picture", event_path()));
    remove.by_role("organizer").send().await.data(200);
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
    let refused = put(&world, &event_path(), "", png(9, 9)).by_role("organizer");
    refused.send().await.error(503, "OVERLOADED");
    let read = world.get(&event_path()).send().await.data(200);
    assert_eq!(read["picture"], json!(null));
    // What may lie there all the same is looked after.
    assert_eq!(looks(&world).await.len(), 1);
}
