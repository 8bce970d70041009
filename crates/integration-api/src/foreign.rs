//! Kinds that other projects own.

use std::borrow::Cow;

/// Names of a kind that another project owns, enough to address it and to install a permissive definition in tests.
pub trait ForeignKind {
    /// API group.
    const GROUP: &'static str;
    /// Version we speak.
    const VERSION: &'static str;
    /// Kind.
    const KIND: &'static str;
    /// Lower-case plural.
    const PLURAL: &'static str;
    /// Lower-case singular.
    const SINGULAR: &'static str;
}

/// Copy of a string constant as kube wants it.
pub(crate) fn cow(value: &'static str) -> Cow<'static, str> {
    Cow::Borrowed(value)
}

/// Implements [`kube::Resource`] and [`ForeignKind`] for a struct with a `metadata: ObjectMeta` field.
macro_rules! foreign_kind {
    ($type:ty, $group:literal, $version:literal, $kind:literal, $singular:literal, $plural:literal) => {
        impl $crate::foreign::ForeignKind for $type {
            const GROUP: &'static str = $group;
            const VERSION: &'static str = $version;
            const KIND: &'static str = $kind;
            const PLURAL: &'static str = $plural;
            const SINGULAR: &'static str = $singular;
        }

        impl kube::Resource for $type {
            type DynamicType = ();
            type Scope = kube::core::NamespaceResourceScope;

            fn kind((): &()) -> std::borrow::Cow<'_, str> {
                $crate::foreign::cow($kind)
            }
            fn group((): &()) -> std::borrow::Cow<'_, str> {
                $crate::foreign::cow($group)
            }
            fn version((): &()) -> std::borrow::Cow<'_, str> {
                $crate::foreign::cow($version)
            }
            fn plural((): &()) -> std::borrow::Cow<'_, str> {
                $crate::foreign::cow($plural)
            }
            fn meta(&self) -> &kube::core::ObjectMeta {
                &self.metadata
            }
            fn meta_mut(&mut self) -> &mut kube::core::ObjectMeta {
                &mut self.metadata
            }
        }
    };
}
pub(crate) use foreign_kind;
