//! `GET /`

use axum::response::Html;

const PAGE: &str = "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">
<title>Onsale</title>
<h1>Onsale</h1>
<p>First come, first served; nothing sold twice; nothing lost.</p>
<ul>
<li><a href=\"/docs/\">Interface, to read and to try</a></li>
<li><a href=\"/api/v1/openapi.json\">OpenAPI document</a></li>
<li><a href=\"/api/v1/events\">Events</a></li>
<li><a href=\"/health/ready\">Readiness</a></li>
</ul>
</html>
";

/// Where to go from here.
pub(crate) async fn home() -> Html<&'static str> {
    Html(PAGE)
}
