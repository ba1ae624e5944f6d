//! HTTP: routes, auth, rate limits, precheck, replies, live availability.
