//! The answers that every route of a kind may give: said once here instead of at each route.

use http::Method;
use utoipa::IntoParams as _;
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::{Content, OpenApi, PathItem, Ref, RefOr, Response};

use crate::error::Code;
use crate::idempotency::IdempotencyKey;
use crate::rules::RuleBook;

const JSON: &str = "application/json";
const PROBLEM_JSON: &str = "application/problem+json";
const PROBLEM_SCHEMA: &str = "#/components/schemas/Problem";
const API: &str = "/api/";
const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// Where a route says nothing itself.
const FORBIDDEN: &str = "`FORBIDDEN`: a guest's token is not for this; `CROSS_SITE_REQUEST`: it came by a \
     cookie, and from no page of this server";

/// What a repeat is told that comes too early.
const IN_PROGRESS: &str = "`REQUEST_IN_PROGRESS`: another request with the same idempotency key is still being \
     processed; `Retry-After` says when to repeat it";

/// What may come of a body that may be large.
const OF_LARGE_BODIES: [(Code, &str); 3] = [
    (
        Code::RequestTimeout,
        "`REQUEST_TIMEOUT`: the body did not arrive in time, or is arriving too slowly",
    ),
    (
        Code::RateLimited,
        "`RATE_LIMITED`: too many requests, or another large body of yours is still being read; send \
         one at a time",
    ),
    (
        Code::Overloaded,
        "`OVERLOADED`: too many requests, or too many large bodies are being read; nothing was changed, \
         try again",
    ),
];

/// Adds to every operation what its parts may lead to, and gives failures their content type.
pub(super) fn complete(document: &mut OpenApi, rules: &RuleBook) {
    for (path, item) in &mut document.paths.paths {
        let api = path.starts_with(API);
        for (method, operation) in operations(item) {
            if rules.of(&method, path).has_large_body {
                for (code, description) in OF_LARGE_BODIES {
                    add_described(operation, code, description.to_owned());
                }
            }
            if rules.of(&method, path).remembers.is_some() {
                take_keys(operation);
            }
            if api {
                for code in common(operation) {
                    add(operation, code);
                }
                let is_closed = !rules.of(&method, path).takes_guests || !method.is_safe();
                if operation.security.is_some() && is_closed {
                    add_described(operation, Code::Forbidden, FORBIDDEN.to_owned());
                }
            }
            for response in operation.responses.responses.values_mut() {
                if let RefOr::T(response) = response {
                    as_problem(response);
                }
            }
        }
    }
}

/// Says that an operation takes an idempotency key, and what may come of it.
fn take_keys(operation: &mut Operation) {
    let parameters = operation.parameters.get_or_insert_default();
    parameters.extend(IdempotencyKey::into_params(|| None));
    let status = Code::RequestInProgress.status();
    let said = operation.responses.responses.get_mut(status.as_str());
    if let Some(RefOr::T(response)) = said {
        response.description = format!("{}; {IN_PROGRESS}", response.description);
    } else {
        add_described(operation, Code::RequestInProgress, IN_PROGRESS.to_owned());
    }
}

/// Every operation of a path.
pub(super) fn operations(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    [
        (Method::GET, &mut item.get),
        (Method::PUT, &mut item.put),
        (Method::POST, &mut item.post),
        (Method::DELETE, &mut item.delete),
        (Method::PATCH, &mut item.patch),
    ]
    .into_iter()
    .filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// The answers that the parts of an operation may lead to.
fn common(operation: &Operation) -> Vec<Code> {
    // A token that is not valid is refused on public reads too.
    let mut codes = vec![
        Code::Unauthorized,
        Code::RateLimited,
        Code::InternalError,
        Code::Overloaded,
    ];
    for parameter in operation.parameters.iter().flatten() {
        match parameter.parameter_in {
            ParameterIn::Path => codes.push(Code::NotFound),
            ParameterIn::Query => codes.push(Code::ValidationError),
            _ if parameter.name == IDEMPOTENCY_KEY => {
                codes.extend([Code::ValidationError, Code::IdempotencyKeyReused]);
            }
            _ => {}
        }
    }
    if operation.request_body.is_some() {
        codes.extend([
            Code::ValidationError,
            Code::RequestTimeout,
            Code::PayloadTooLarge,
            Code::UnsupportedMediaType,
        ]);
    }
    codes
}

/// Adds the answer for a code unless the route has one of that status.
fn add(operation: &mut Operation, code: Code) {
    let description = match code {
        // Where a route says nothing itself.
        Code::RateLimited => format!(
            "`{}`: too many requests, or another limit was reached, which `details.limit` then names; \
             `Retry-After` says when to try again",
            code.as_str()
        ),
        _ => format!("`{}`", code.as_str()),
    };
    add_described(operation, code, description);
}

fn add_described(operation: &mut Operation, code: Code, description: String) {
    let mut response = Response::new(description);
    let schema = RefOr::Ref(Ref::new(PROBLEM_SCHEMA));
    response
        .content
        .insert(PROBLEM_JSON.to_owned(), Content::new(Some(schema)));
    operation
        .responses
        .responses
        .entry(code.status().as_str().to_owned())
        .or_insert(RefOr::T(response));
}

fn as_problem(response: &mut Response) {
    let is_problem = |content: &Content| matches!(&content.schema, Some(RefOr::Ref(to)) if to.ref_location == PROBLEM_SCHEMA);
    if response.content.get(JSON).is_some_and(is_problem)
        && let Some(content) = response.content.shift_remove(JSON)
    {
        response.content.insert(PROBLEM_JSON.to_owned(), content);
    }
}
