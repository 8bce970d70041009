//! Creating exactly once, by name.

use std::sync::Arc;

use kube::api::PostParams;
use kube::core::Request;
use serde_json::Value;

use crate::cache::CacheObject;
use crate::{ApiError, Context, ErrorClass, ObjectKey, Store};

/// Answer to a create.
#[derive(Clone, Debug)]
pub enum Created<K> {
    /// It was created now.
    New(Arc<K>),
    /// An object of that name exists. The caller decides whether it is of the same cause.
    Exists(Arc<K>),
}

impl<K> Created<K> {
    /// The object, new or not.
    pub fn object(&self) -> &Arc<K> {
        match self {
            Self::New(object) | Self::Exists(object) => object,
        }
    }
}

impl Context {
    /// Creates the object whose JSON is given; it must have a name and a namespace. If the name is taken, the object
    /// that has it is read and returned.
    pub async fn create_once<K: CacheObject>(&self, store: &Store<K>, body: &Value) -> Result<Created<K>, ApiError> {
        let field = |pointer| body.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let key = ObjectKey::new(field("/metadata/namespace"), field("/metadata/name"));
        let request = Request::new(K::url_path(&(), Some(&key.namespace)))
            .create(&PostParams::default(), body.to_string().into_bytes());
        match self.send_write::<K, K>("create", &key, request).await {
            Ok(object) => Ok(Created::New(store.observe(object))),
            Err(error) if error.class() == ErrorClass::Conflict => {
                match self.get(store, &key.namespace, &key.name).await? {
                    Some(existing) => Ok(Created::Exists(existing)),
                    None => Err(ApiError::retryable(
                        "create",
                        &K::kind(&()),
                        key.to_string(),
                        "an object of that name was there and is gone again",
                    )),
                }
            }
            Err(error) => Err(error),
        }
    }
}
