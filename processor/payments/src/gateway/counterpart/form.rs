//! Forms, as Stripe takes them: `metadata[payment]=…`, `expand[]=…`.

use std::collections::BTreeMap;

use url::form_urlencoded;

use crate::gateway::simulated::Problem;

/// Most fields of a form.
const FIELDS_MAX: usize = 200;

/// The fields of a form or a query, in their order.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        let fields: Vec<_> = form_urlencoded::parse(bytes)
            .take(FIELDS_MAX + 1)
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        if fields.len() > FIELDS_MAX {
            let said = format!("the form has more than {FIELDS_MAX} fields");
            return Err(Problem::invalid("", said));
        }
        Ok(Self(fields))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let field = self.0.iter().find(|(given, _)| given == name);
        field.map(|(_, value)| value.as_str())
    }

    pub(super) fn needed(&self, name: &str) -> Result<&str, Problem> {
        self.get(name).ok_or_else(|| {
            Problem::invalid(
                "parameter_missing",
                format!("Missing required param: {name}."),
            )
        })
    }

    pub(super) fn number<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, Problem> {
        self.get(name)
            .map(|text| {
                text.parse().map_err(|_| {
                    let said = format!("Invalid integer: {name}={text:?}");
                    Problem::invalid("parameter_invalid_integer", said)
                })
            })
            .transpose()
    }

    /// What lies under a name: `metadata[a]=1` is `a` of `metadata`.
    pub(super) fn map(&self, name: &str) -> BTreeMap<String, String> {
        let below = |given: &str| {
            let rest = given.strip_prefix(name)?.strip_prefix('[')?;
            Some(rest.strip_suffix(']')?.to_owned())
        };
        let fields = self.0.iter();
        fields
            .filter_map(|(given, value)| Some((below(given)?, value.clone())))
            .collect()
    }

    /// Whether an object is to be given in full.
    pub(super) fn expands(&self, what: &str) -> bool {
        self.0
            .iter()
            .any(|(name, value)| name.starts_with("expand[") && value == what)
    }

    /// Refuses fields that are none of these. `*` at the end stands for anything.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), Problem> {
        let is_known = |given: &str| {
            given.starts_with("expand[")
                || known.iter().any(|known| match known.strip_suffix('*') {
                    Some(start) => given.starts_with(start),
                    None => given == *known,
                })
        };
        match self.0.iter().find(|(given, _)| !is_known(given)) {
            None => Ok(()),
            Some((given, _)) => Err(Problem::invalid(
                "parameter_unknown",
                format!("Received unknown parameter: {given}"),
            )),
        }
    }

    /// All of it in an order of its own, as keys are bound to it.
    pub(super) fn canonical(&self) -> String {
        let mut fields = self.0.clone();
        fields.sort();
        format!("{fields:?}")
    }
}
