//! How a tenant looks, on a real server: its logo lies in the data folder or in a bucket, and comes along with
//! the mails that invite to it.

use serde_json::{Value, json};

use crate::mail_server::Mailbox;
use crate::support::{Server, answer};

const OWNER: &str = "owner@example.test";
const LOGO: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"200\" height=\"100\">\
                    <rect width=\"200\" height=\"100\" fill=\"#8b0000\"/></svg>";

fn verb(server: &Server, args: &[&str]) -> Value {
    let (code, out, err) = server.verb(&[args, &["--json"]].concat());
    assert_eq!(code, Some(0), "{args:?}: {out}{err}");
    serde_json::from_str(&out).unwrap()
}

/// A tenant with colours and a logo: the token of its owner, where the tenant is, and where the logo is.
async fn house(server: &Server) -> (String, String, String) {
    let tenant = verb(server, &["tenant", "create", "opera", "--name", "Opera"]);
    let create = ["user", "create", "--email", OWNER, "--tenant", "opera"];
    let created = verb(server, &create);
    let body = json!({ "email": OWNER, "password": created["password"] });
    let (status, signed_in) = server.post("", "/auth/login", &body).await;
    assert_eq!(status, 200, "{signed_in}");
    let token = signed_in["data"]["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/tenants/{}", tenant["tenant_id"].as_str().unwrap());
    let put = async |what: &str, body: Vec<u8>, kind: &str| {
        let request = server.http.put(server.url(&format!("{path}/{what}")));
        let request = request.bearer_auth(&token).header("content-type", kind);
        let (status, said) = answer(request.body(body).send().await.unwrap()).await;
        assert_eq!(status, 200, "{what}: {said}");
        said["data"].clone()
    };
    let colors = json!({ "colors": {
        "background": "#ffffff", "text": "#1a1a1a", "accent": "#8b0000", "accent_text": "#ffffff",
    } });
    put(
        "branding",
        colors.to_string().into_bytes(),
        "application/json",
    )
    .await;
    let said = put("logo", LOGO.into(), "image/svg+xml").await;
    let logo = said["logo"]["url"].as_str().unwrap().to_owned();
    (token, path, logo)
}

/// A picture whose parts are all allowed, and that is drawn for minutes: each of its squares is filled by a
/// gradient that looks through a thousand colours for each pixel.
fn slow() -> String {
    let stop = |at: u32| {
        let offset = f64::from(at) / 1_000.0;
        format!("<stop offset=\"{offset}\" stop-color=\"#8b{at:04x}\"/>")
    };
    let stops: String = (0..1_000).map(stop).collect();
    let square = "<rect width=\"100\" height=\"100\" fill=\"url(#g)\"/>";
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"100\" height=\"100\"><linearGradient id=\"g\" \
         gradientUnits=\"userSpaceOnUse\" x2=\"100\">{stops}</linearGradient>{}</svg>",
        square.repeat(3_000)
    )
}

/// One that takes four layers of 26 MB at the same time, and little time.
fn large() -> String {
    let square =
        "<rect x=\"-5000\" y=\"-5000\" width=\"10000\" height=\"10000\" fill=\"#8b0000\"/>";
    let (open, close) = ("<g opacity=\"0.5\">".repeat(4), "</g>".repeat(4));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"100\" height=\"100\">\
         {open}{square}{square}{close}</svg>"
    )
}

/// The bytes of a logo.
async fn shown(server: &Server, logo: &str) -> Vec<u8> {
    let url = server.url(logo.trim_start_matches("/api/v1"));
    let response = server.http.get(url).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    assert_eq!(response.headers()["content-type"], "image/png");
    response.bytes().await.unwrap().to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_has_the_colours_and_the_logo_of_its_tenant() {
    let Ok(api) = std::env::var("ONSALE_TEST_MAIL_URL") else {
        panic!("ONSALE_TEST_MAIL_URL is not set: run the tests by deploy/test.sh");
    };
    let mailbox = Mailbox::of(&api);
    let mail_url = mailbox.smtp();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let env = [
        ("ONSALE_ACCOUNTS__BCRYPT_COST", "10"),
        ("ONSALE_MAIL__URL", mail_url.as_str()),
        ("ONSALE_MAIL__FROM", "Tickets <tickets@example.test>"),
        ("ONSALE_HTTP__PUBLIC_URL", "https://tickets.example.test/"),
    ];
    let mut server = Server::start_with(&data, &env).await;
    let (token, path, logo) = house(&server).await;
    let picture = shown(&server, &logo).await;
    let id = logo.rsplit('/').next().unwrap();
    let file = data.join("uploads/logos").join(format!("{id}.png"));
    assert_eq!(std::fs::read(&file).unwrap(), picture);
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&file).unwrap());
    assert_eq!(mode & 0o777, 0o600);

    let invitation = json!({ "email": mailbox.address(), "role": "scanner" });
    let (status, said) = server
        .post(&token, &format!("{path}/members"), &invitation)
        .await;
    assert_eq!(status, 202, "{said}");
    let mail = mailbox.mails(1).await.remove(0);
    let (text, html) = (
        mail["Text"].as_str().unwrap(),
        mail["HTML"].as_str().unwrap(),
    );
    let (_, link) = text.split_once("https://tickets.example.test/").unwrap();
    let link = link.split_whitespace().next().unwrap();
    assert!(html.contains(link) && html.contains("#8b0000"), "{html}");
    let inline = mail["Inline"].as_array().unwrap();
    assert_eq!(inline.len(), 1, "{mail}");
    assert_eq!(inline[0]["ContentID"], "logo");
    assert_eq!(inline[0]["Size"].as_u64(), Some(picture.len() as u64));
    assert_eq!(mail["Attachments"].as_array().map(Vec::len), Some(0));

    // What is kept survives the process.
    server.kill_and_restart().await;
    assert_eq!(shown(&server, &logo).await, picture);
    assert_eq!(server.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_takes_too_much_ends_its_reader_and_not_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let env = [
        ("ONSALE_ACCOUNTS__BCRYPT_COST", "10"),
        ("ONSALE_UPLOADS__READ_MEMORY_MIB", "128"),
        ("ONSALE_UPLOADS__READ_SECONDS", "5"),
    ];
    let server = Server::start_with(&data, &env).await;
    let (token, path, logo) = house(&server).await;
    let before = shown(&server, &logo).await;
    let arc = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"10\" height=\"10\">\
               <path d=\"M0 0A1e70 1e70 0 1 1 1e70 1e70\"/></svg>";
    for (file, why) in [
        (slow(), "takes too much"),
        (large(), "takes too much"),
        (arc.to_owned(), "1e70"),
    ] {
        let request = server.http.put(server.url(&format!("{path}/logo")));
        let request = request.bearer_auth(&token).body(file);
        let (status, said) = answer(request.send().await.unwrap()).await;
        assert_eq!(status, 400, "{why}: {said}");
        assert_eq!(said["error"]["code"], "VALIDATION_ERROR", "{said}");
        assert!(said.to_string().contains(why), "{said}");
    }
    // The next one finds its turn free, and the logo is the one that it was.
    let request = server.http.put(server.url(&format!("{path}/logo")));
    let request = request.bearer_auth(&token).body(LOGO);
    let (status, said) = answer(request.send().await.unwrap()).await;
    assert_eq!(status, 200, "{said}");
    let logo = said["data"]["logo"]["url"].as_str().unwrap();
    assert_eq!(shown(&server, logo).await, before);
    let log = server.log();
    assert!(!log.contains("process that reads images"), "{log}");
    assert_eq!(server.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logo_lies_in_a_bucket_where_one_is_configured() {
    // Only where such a server runs, as by deploy/test.sh.
    let Ok(s3) = std::env::var("ONSALE_TEST_S3_URL") else {
        return;
    };
    let (endpoint, key) = s3.split_once('#').unwrap();
    let (access_key, secret_key) = key.split_once(':').unwrap();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let location = format!("s3://onsale-tests/{}", uuid::Uuid::new_v4());
    let secret = folder.path().join("secret");
    std::fs::write(&secret, secret_key).unwrap();
    let env = [
        ("ONSALE_ACCOUNTS__BCRYPT_COST", "10"),
        ("ONSALE_UPLOADS__LOCATION", location.as_str()),
        ("ONSALE_UPLOADS__S3_ENDPOINT", endpoint),
        ("ONSALE_UPLOADS__S3_ACCESS_KEY", access_key),
        (
            "ONSALE_UPLOADS__S3_SECRET_KEY_FILE",
            secret.to_str().unwrap(),
        ),
    ];
    let mut server = Server::start_with(&data, &env).await;
    let (_, _, logo) = house(&server).await;
    let picture = shown(&server, &logo).await;
    assert!(!data.join("uploads").exists());
    // From the bucket, and not from what was read lately.
    server.kill_and_restart().await;
    assert_eq!(shown(&server, &logo).await, picture);
    assert!(!server.log().contains(secret_key));
    assert_eq!(server.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_picture_of_an_event_is_drawn_by_a_process_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let env = [("ONSALE_ACCOUNTS__BCRYPT_COST", "10")];
    let server = Server::start_with(&data, &env).await;
    let (token, _, logo) = house(&server).await;
    let file = shown(&server, &logo).await;
    let event = json!({ "name": "Opera", "starts_at": "2040-01-01T00:00:00Z" });
    let (status, event) = server.post(&token, "/events", &event).await;
    assert_eq!(status, 201, "{event}");
    let path = format!(
        "/events/{}/picture",
        event["data"]["event_id"].as_str().unwrap()
    );
    let put = async |file: Vec<u8>| {
        let request = server.http.put(server.url(&path)).bearer_auth(&token);
        answer(request.body(file).send().await.unwrap()).await
    };
    let (status, said) = put(file.clone()).await;
    assert_eq!(status, 200, "{said}");
    let picture = &said["data"]["picture"];
    assert_eq!(picture["widths"], json!([320, 512]));
    let id = picture["id"].as_str().unwrap();
    for width in [320, 512] {
        let url = server.url(&format!("/pictures/{id}/{width}"));
        let response = server.http.get(url).send().await.unwrap();
        assert_eq!(response.status().as_u16(), 200);
        // A rasterizer may leave its edges a trifle transparent.
        let extension = match response.headers()["content-type"].to_str().unwrap() {
            "image/jpeg" => "jpg",
            "image/png" => "png",
            other => panic!("{other}"),
        };
        let kept = data.join(format!("uploads/pictures/{id}-{width}.{extension}"));
        assert_eq!(
            response.bytes().await.unwrap(),
            std::fs::read(kept).unwrap()
        );
    }
    // What that process refuses says why, and one that is cut is no reason to end it.
    for (file, why) in [
        (LOGO.into(), "neither PNG nor JPEG"),
        (file[..100].to_vec(), "damaged"),
    ] {
        let (status, said) = put(file).await;
        assert_eq!(status, 400, "{said}");
        assert!(said.to_string().contains(why), "{said}");
    }
    let log = server.log();
    assert!(!log.contains("process that reads images"), "{log}");
    assert_eq!(server.stop(), Some(0));
}
