//! What each endpoint takes of its callers, as its noun's router declares it.

use std::collections::HashMap;

use axum::extract::MatchedPath;
use http::{Extensions, Method};

use crate::bounds::Bounds;
use crate::rate_limit::Class;
use crate::remembered::Remembers;

/// Route of requests that match none, for metrics too.
pub(crate) const ROUTE_UNMATCHED: &str = "unmatched";

/// Where the paths of everything that is limited begin.
const API: &str = "/api/";

/// The rules of an endpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Rules {
    /// The limit that its calls count towards; `None`: they are not limited.
    pub(crate) class: Option<Class>,
    /// Whether a token that is not valid is as good as none: the call brings its own proof, and a client
    /// whose token has expired has to be able to get another.
    pub(crate) ignores_bad_tokens: bool,
    /// Whether a guest's token opens it; to others a guest is nobody.
    pub(crate) takes_guests: bool,
    /// Whether it keeps tokens in cookies of the browser, so only pages of this installation may call it.
    pub(crate) sets_cookies: bool,
    /// Whether its body may hold a layout or a list of seats, and so be large.
    pub(crate) has_large_body: bool,
    /// Whether its answers are for one client and may be large.
    pub(crate) is_compressed: bool,
    /// Bounds of what its requests may hold, for the document.
    pub(crate) bounds: Bounds,
    /// What the database remembers of it under an idempotency key; `None` where there is nothing to repeat, or the
    /// log remembers it.
    pub(crate) remembers: Option<Remembers>,
}

impl Rules {
    /// Small bodies, small answers, limited with everything else.
    pub(crate) const DEFAULT: Self = Self {
        class: Some(Class::Other),
        ignores_bad_tokens: false,
        takes_guests: false,
        sets_cookies: false,
        has_large_body: false,
        is_compressed: false,
        bounds: &[],
        remembers: None,
    };

    /// For probes.
    pub(crate) const UNLIMITED: Self = Self {
        class: None,
        ..Self::DEFAULT
    };

    /// Its calls have a limit of their own.
    pub(crate) const fn class(self, class: Class) -> Self {
        Self {
            class: Some(class),
            ..self
        }
    }

    /// A token that is not valid is as good as none.
    pub(crate) const fn ignoring_bad_tokens(self) -> Self {
        Self {
            ignores_bad_tokens: true,
            ..self
        }
    }

    /// A guest's token opens it.
    pub(crate) const fn for_guests(self) -> Self {
        Self {
            takes_guests: true,
            ..self
        }
    }

    /// It keeps tokens in cookies of the browser.
    pub(crate) const fn with_cookies(self) -> Self {
        Self {
            sets_cookies: true,
            ..self
        }
    }

    /// Its body may be as large as a layout.
    pub(crate) const fn large_body(self) -> Self {
        Self {
            has_large_body: true,
            ..self
        }
    }

    /// What its requests may hold has bounds.
    pub(crate) const fn bounds(self, bounds: Bounds) -> Self {
        Self { bounds, ..self }
    }

    /// Its answers to callers are remembered under their idempotency keys.
    pub(crate) const fn remembered(self) -> Self {
        self.remembering(Remembers::OF_CALLERS)
    }

    /// What it answers is remembered under idempotency keys.
    pub(crate) const fn remembering(self, remembers: Remembers) -> Self {
        Self {
            remembers: Some(remembers),
            ..self
        }
    }

    /// Its answers are compressed for clients that take that.
    pub(crate) const fn compressed(self) -> Self {
        Self {
            is_compressed: true,
            ..self
        }
    }
}

/// The rules of all endpoints, by route.
#[derive(Default)]
pub(crate) struct RuleBook(HashMap<String, Vec<(Method, Rules)>>);

impl RuleBook {
    /// Adds those of an endpoint.
    pub(crate) fn insert(&mut self, method: Method, route: &str, rules: Rules) {
        let of_route = self.0.entry(route.to_owned()).or_default();
        of_route.push((method, rules));
    }

    /// Those for a call. One that no endpoint is for counts like any other; what is no endpoint (pages,
    /// documentation, metrics) does not.
    pub(crate) fn of(&self, method: &Method, route: &str) -> Rules {
        let Some(of_route) = self.0.get(route) else {
            return if route == ROUTE_UNMATCHED || route.starts_with(API) {
                Rules::DEFAULT
            } else {
                Rules::UNLIMITED
            };
        };
        // What answers GET answers HEAD.
        let is = |of: &Method| of == method || (of == Method::GET && method == Method::HEAD);
        let found = of_route.iter().find(|(of, _)| is(of));
        found.map_or(Rules::DEFAULT, |(_, rules)| *rules)
    }

    /// All of them with their routes.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, Rules)> {
        self.0.iter().flat_map(|(route, of_route)| {
            of_route
                .iter()
                .map(move |(_, rules)| (route.as_str(), *rules))
        })
    }

    /// Adds all of another book.
    pub(crate) fn extend(&mut self, others: Self) {
        for (route, mut rules) in others.0 {
            self.0.entry(route).or_default().append(&mut rules);
        }
    }

    /// Those for a request whose route is known.
    pub(crate) fn of_request(&self, method: &Method, extensions: &Extensions) -> Rules {
        let matched = extensions.get::<MatchedPath>();
        let route = matched.map_or(ROUTE_UNMATCHED, MatchedPath::as_str);
        self.of(method, route)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_has_rules() {
        let mut rules = RuleBook::default();
        let reserve = Rules::DEFAULT.class(Class::Reserve);
        let layout = Rules::DEFAULT.large_body().compressed();
        rules.insert(Method::POST, "/reserve", reserve);
        rules.insert(Method::GET, "/shows", Rules::DEFAULT);
        rules.insert(Method::POST, "/shows", layout);
        assert_eq!(rules.of(&Method::POST, "/reserve"), reserve);
        assert_eq!(rules.of(&Method::POST, "/shows"), layout);
        assert_eq!(rules.of(&Method::HEAD, "/shows"), Rules::DEFAULT);
        assert_eq!(rules.of(&Method::PUT, "/reserve"), Rules::DEFAULT);
        assert_eq!(rules.of(&Method::GET, ROUTE_UNMATCHED), Rules::DEFAULT);
        assert_eq!(rules.of(&Method::GET, "/docs"), Rules::UNLIMITED);
    }
}
