//! Specs that an object may lack.

/// Implements `Serialize` and `Deserialize` for a type derived with `#[serde(remote = "Self")]`, so that an object
/// without the field reads as the default. The schema does not require a spec (API-10), and one object without it
/// must not make a whole list unreadable.
macro_rules! absent_is_default {
    ($type:ty) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                Self::serialize(self, serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visitor;

                impl<'de> serde::de::Visitor<'de> for Visitor {
                    type Value = $type;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        formatter.write_str(stringify!($type))
                    }

                    fn visit_none<E: serde::de::Error>(self) -> Result<$type, E> {
                        Ok(<$type>::default())
                    }

                    fn visit_unit<E: serde::de::Error>(self) -> Result<$type, E> {
                        Ok(<$type>::default())
                    }

                    fn visit_some<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<$type, D::Error> {
                        <$type>::deserialize(deserializer)
                    }
                }

                deserializer.deserialize_option(Visitor)
            }
        }
    };
}
pub(crate) use absent_is_default;
