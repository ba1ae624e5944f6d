//! The addresses at which other nodes reach this one.

use std::net::IpAddr;

use super::{Config, HIDDEN, Problem, has_password};

/// What a URL leads to, seen from another machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Leads {
    /// To the reader's own machine.
    Home,
    /// Nowhere: an address to listen on is none to go to.
    Nowhere,
    /// To a machine by its name or address.
    Away,
}

/// See [`Leads`]; a text that is no URL leads nowhere.
pub(crate) fn leads(url: &str) -> Leads {
    let Ok(url) = reqwest::Url::parse(url) else {
        return Leads::Nowhere;
    };
    let host = url.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match host.parse::<IpAddr>() {
        Ok(ip) if ip.is_unspecified() => Leads::Nowhere,
        Ok(ip) if ip.is_loopback() => Leads::Home,
        Err(_) if host.is_empty() => Leads::Nowhere,
        Err(_) if host == "localhost" || host.ends_with(".localhost") => Leads::Home,
        Ok(_) | Err(_) => Leads::Away,
    }
}

/// A URL without the password that nobody asks for in it.
fn shown(url: &str) -> String {
    if has_password(url) {
        HIDDEN.to_owned()
    } else {
        url.to_owned()
    }
}

impl Config {
    /// What is wrong with the addresses that this node gives to others. A cluster that is all on
    /// loopback is one machine; setting a URL on loopback says so too.
    pub(crate) fn advertised_problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let public = self.advertise_url();
        if leads(&public) == Leads::Nowhere {
            problems.push(Problem {
                key: "node.advertise_url".to_owned(),
                value: shown(&public),
                expected:
                    "where other nodes and operators reach http.listen of this node, such as \
                           http://10.0.0.5:8080: it is not set, or leads nowhere"
                        .to_owned(),
            });
        }
        let operations = self.operations_advertise_url();
        let listens = [self.http.listen, self.http.operations_address()];
        let is_one_machine = listens.iter().all(|address| address.ip().is_loopback())
            && leads(&public) == Leads::Home;
        let is_wrong = match leads(&operations) {
            Leads::Away => false,
            Leads::Nowhere => true,
            Leads::Home => self.node.operations_advertise_url.is_none() && !is_one_machine,
        };
        if is_wrong {
            problems.push(Problem {
                key: "node.operations_advertise_url".to_owned(),
                value: shown(&operations),
                expected: format!(
                    "where other nodes reach http.operations_listen of this node, such as \
                     http://10.0.0.5:8081, and http.operations_listen an address of that machine; \
                     where all nodes are on this machine, http://127.0.0.1:{}",
                    self.http.operations_address().port()
                ),
            });
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(change: impl FnOnce(&mut Config)) -> Vec<String> {
        let mut config = Config::default();
        change(&mut config);
        let problems = config.advertised_problems();
        problems.into_iter().map(|problem| problem.key).collect()
    }

    fn all_addresses(config: &mut Config) {
        config.http.listen = "0.0.0.0:8080".parse().unwrap();
        config.node.advertise_url = Some("http://10.0.0.5:8080".to_owned());
    }

    #[test]
    fn a_url_leads_somewhere() {
        for (url, expected) in [
            ("http://127.0.0.1:8080", Leads::Home),
            ("https://[::1]:8080/", Leads::Home),
            ("http://localhost:8080", Leads::Home),
            ("http://0.0.0.0:8080", Leads::Nowhere),
            ("http://[::]:8080", Leads::Nowhere),
            ("http://", Leads::Nowhere),
            ("http://10.0.0.5:8080", Leads::Away),
            ("http://processor-1.onsale:8081", Leads::Away),
        ] {
            assert_eq!(leads(url), expected, "{url}");
        }
    }

    #[test]
    fn one_machine_needs_no_urls() {
        assert!(problems(|_| {}).is_empty());
    }

    #[test]
    fn nodes_of_several_machines_say_where_they_are() {
        let key = "node.operations_advertise_url";
        assert_eq!(problems(all_addresses), [key]);
        assert_eq!(
            problems(|config| {
                config.http.operations_listen = Some("10.0.0.5:8081".parse().unwrap());
            }),
            Vec::<String>::new(),
            "it is where it listens"
        );
        assert_eq!(
            problems(|config| {
                all_addresses(config);
                config.http.operations_listen = Some("0.0.0.0:8081".parse().unwrap());
            }),
            [key]
        );
        assert!(
            problems(|config| {
                all_addresses(config);
                config.http.operations_listen = Some("0.0.0.0:8081".parse().unwrap());
                config.node.operations_advertise_url = Some("http://10.0.0.5:8081".to_owned());
            })
            .is_empty()
        );
        assert_eq!(
            problems(|config| config.http.listen = "0.0.0.0:8080".parse().unwrap()),
            ["node.advertise_url", key]
        );
        // Set explicitly, this says that the cluster is one machine, which buyers reach from elsewhere.
        assert!(
            problems(|config| {
                all_addresses(config);
                config.node.operations_advertise_url = Some("http://127.0.0.1:8081".to_owned());
            })
            .is_empty()
        );
    }
}
