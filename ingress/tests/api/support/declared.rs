//! Requests that the endpoints' own declarations lead to. They come from the document, which comes from the
//! declarations, so a new endpoint has its requests by itself.

use http::Method;
use serde_json::{Map, Value, json};

use super::World;

/// Objects within objects that are looked into: a schema may contain itself.
const DEPTH_MAX: usize = 8;

/// One endpoint of the document.
pub(crate) struct Declared {
    pub(crate) method: Method,
    /// With place-holders.
    pub(crate) path: String,
    /// Names of parameters of the query with the values that their schemas allow.
    pub(crate) query: Vec<(String, Value)>,
    /// Bodies: what has to be there, and everything that may. None for an endpoint without one.
    pub(crate) bodies: Vec<Value>,
}

impl Declared {
    /// The nouns that its place-holders stand behind: `events` of `/events/{id}`.
    pub(crate) fn nouns(&self) -> Vec<&str> {
        let segments: Vec<&str> = self.path.split('/').collect();
        let pairs = segments.windows(2);
        pairs
            .filter(|pair| pair[1].starts_with('{'))
            .map(|pair| pair[0])
            .collect()
    }

    /// Its path with these in the place of its place-holders.
    pub(crate) fn concrete(&self, ids: &[String]) -> String {
        let mut ids = ids.iter();
        let segments = self.path.split('/').map(|segment| {
            if segment.starts_with('{') {
                ids.next().unwrap().as_str()
            } else {
                segment
            }
        });
        segments.collect::<Vec<_>>().join("/")
    }

    /// Its whole query, as it stands behind the path.
    pub(crate) fn whole_query(&self) -> String {
        let pairs = self.query.iter().map(|(name, value)| match value {
            Value::String(text) => format!("{name}={text}"),
            other => format!("{name}={other}"),
        });
        pairs.collect::<Vec<_>>().join("&")
    }
}

/// Every endpoint of the document. `id` says which id stands where one is asked for, by the name of the field
/// or parameter.
pub(crate) async fn declared(world: &World, id: impl Fn(&str) -> Value) -> Vec<Declared> {
    let document = world.get("/api/v1/openapi.json").send().await.json();
    let mut all = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let Ok(method) = Method::from_bytes(method.to_uppercase().as_bytes()) else {
                continue;
            };
            let sample = Sample {
                document: &document,
                id: &id,
            };
            all.push(Declared {
                method,
                path: path.clone(),
                query: sample.query(operation),
                bodies: sample.bodies(operation),
            });
        }
    }
    all
}

/// Makes values that schemas allow, as far as they say it.
struct Sample<'a, F> {
    document: &'a Value,
    id: &'a F,
}

impl<F: Fn(&str) -> Value> Sample<'_, F> {
    fn query(&self, operation: &Value) -> Vec<(String, Value)> {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        parameters
            .filter(|parameter| parameter["in"] == "query")
            .map(|parameter| {
                let name = parameter["name"].as_str().unwrap();
                (
                    name.to_owned(),
                    self.of(&parameter["schema"], name, true, 0),
                )
            })
            .collect()
    }

    fn bodies(&self, operation: &Value) -> Vec<Value> {
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        if schema.is_null() {
            return Vec::new();
        }
        [false, true]
            .map(|whole| self.of(schema, "", whole, 0))
            .to_vec()
    }

    /// A value for the field of that name; `whole`: with what may be left out.
    fn of(&self, schema: &Value, name: &str, whole: bool, depth: usize) -> Value {
        if depth > DEPTH_MAX {
            return Value::Null;
        }
        if let Some(reference) = schema["$ref"].as_str() {
            let pointer = reference.trim_start_matches('#');
            let found = self.document.pointer(pointer).unwrap();
            return self.of(found, name, whole, depth + 1);
        }
        if let Some(value) = schema.get("const") {
            return value.clone();
        }
        if let Some(value) = schema["enum"].get(0) {
            return value.clone();
        }
        for word in ["oneOf", "anyOf"] {
            let mut choices = schema[word].as_array().into_iter().flatten();
            if let Some(choice) = choices.find(|of| of["type"] != "null") {
                return self.of(choice, name, whole, depth + 1);
            }
        }
        if let Some(parts) = schema["allOf"].as_array() {
            let mut all = Map::new();
            for part in parts {
                if let Value::Object(fields) = self.of(part, name, whole, depth + 1) {
                    all.extend(fields);
                }
            }
            return Value::Object(all);
        }
        let kind = match &schema["type"] {
            Value::Array(kinds) => kinds.iter().find(|kind| *kind != "null"),
            kind => Some(kind),
        };
        match kind.and_then(Value::as_str) {
            Some("string") => self.text(schema, name),
            Some("integer" | "number") => {
                let minimum = schema["minimum"].as_i64().unwrap_or(1);
                json!(minimum.max(1))
            }
            Some("boolean") => json!(true),
            Some("array") => json!([self.of(&schema["items"], name, whole, depth + 1)]),
            Some("object") => self.object(schema, whole, depth),
            _ => Value::Null,
        }
    }

    fn object(&self, schema: &Value, whole: bool, depth: usize) -> Value {
        let required: Vec<&str> = schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let mut fields = Map::new();
        let properties = schema["properties"].as_object().into_iter().flatten();
        for (name, property) in properties {
            if whole || required.contains(&name.as_str()) {
                let value = self.of(property, name, whole, depth + 1);
                fields.insert(name.clone(), value);
            }
        }
        Value::Object(fields)
    }

    fn text(&self, schema: &Value, name: &str) -> Value {
        match schema["format"].as_str() {
            Some("uuid") => return (self.id)(name),
            Some("date-time") => return json!("2030-01-01T00:00:00Z"),
            _ => {}
        }
        if name == "email" {
            return json!("stranger@example.test");
        }
        if name.ends_with("password") {
            return json!("vintage otter lantern");
        }
        let shortest = schema["minLength"].as_u64().unwrap_or(1);
        json!("x".repeat(usize::try_from(shortest.clamp(1, 200)).unwrap()))
    }
}
