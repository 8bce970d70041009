//! JSON objects whose keys keep their order and whose values keep their text.

use std::fmt;
use std::fmt::Write as _;

use serde::de::{Deserialize, DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::json_string;

/// Keys and raw values of a JSON object in their order; of a repeated key the last value, as the reference reads it.
pub(crate) struct JsonObject(Vec<(String, String)>);

impl JsonObject {
    /// Reads an object; the error says what is wrong, for people.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => "it is not a JSON object".to_owned(),
            _ => format!("it is broken JSON ({error})"),
        })
    }

    /// The value of a key that has to be there; the error names the key.
    pub(crate) fn required<T: DeserializeOwned>(&self, key: &str) -> Result<T, String> {
        self.optional(key)?.ok_or_else(|| format!("`{key}` is missing"))
    }

    /// The value of a key that may be left out, though not `null` unless the type knows it; the error names the key.
    pub(crate) fn optional<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, String> {
        let Some((_, value)) = self.0.iter().find(|(name, _)| name == key) else {
            return Ok(None);
        };
        serde_json::from_str(value).map(Some).map_err(|_| format!("`{key}` has a value of the wrong type"))
    }

    /// The value of a key, `None` when it is absent or of another type.
    pub(crate) fn lenient<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        self.optional(key).ok().flatten()
    }

    /// All keys with the text of their values.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

impl<'de> Deserialize<'de> for JsonObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = JsonObject;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<JsonObject, A::Error> {
        let mut members: Vec<(String, String)> = Vec::new();
        while let Some((key, value)) = map.next_entry::<String, Box<RawValue>>()? {
            let value = value.get().to_owned();
            match members.iter_mut().find(|(name, _)| *name == key) {
                Some((_, earlier)) => *earlier = value,
                None => members.push((key, value)),
            }
        }
        Ok(JsonObject(members))
    }
}

/// A JSON object under construction; keys stay in the order they are added.
pub(crate) struct ObjectWriter(String);

impl ObjectWriter {
    /// The empty object.
    pub(crate) fn new() -> Self {
        Self("{".to_owned())
    }

    /// Adds a string.
    pub(crate) fn text(&mut self, key: &str, value: &str) {
        self.raw(key, &json_string(value));
    }

    /// Adds a string if there is one.
    pub(crate) fn optional_text(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(key, value);
        }
    }

    /// Adds a value that is JSON text already.
    pub(crate) fn raw(&mut self, key: &str, value: &str) {
        let comma = if self.0.len() > 1 { "," } else { "" };
        // Writing to a String cannot fail.
        let _ = write!(self.0, "{comma}{}:{value}", json_string(key));
    }

    /// The text.
    pub(crate) fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }
}
