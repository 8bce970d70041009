//! Live reads.

use std::time::Duration;

use kube::api::{GetParams, ListParams};
use kube::core::{ObjectList, Request};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::Arc;

use crate::cache::{CacheObject, Guarded};
use crate::{ApiError, Context, ErrorClass, ObjectKey, Store};

/// Longest time a request may take (OP-X2).
pub(super) const TIMEOUT: Duration = Duration::from_secs(30);
/// Objects asked for at once.
const PAGE: u32 = 100;

impl Context {
    /// Reads an object from the API server and refreshes the cache. `None` if it does not exist.
    pub async fn get<K: CacheObject>(
        &self,
        store: &Store<K>,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Arc<K>>, ApiError> {
        // Only what was known before the question can be forgotten after it: an object of that name may be created and
        // reported while the answer is on its way.
        let known = store.get(namespace, name).and_then(|object| object.meta().uid.clone());
        match self.get_object::<K, K>(namespace, name).await {
            Ok(object) => Ok(Some(store.observe(object))),
            Err(error) if error.class() == ErrorClass::NotFound => {
                if known.is_some() {
                    store.forget(namespace, name, known.as_deref());
                }
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Reads a whole object from the API server, including what the cached type leaves out.
    pub async fn get_raw<K: CacheObject>(&self, namespace: &str, name: &str) -> Result<Option<Value>, ApiError> {
        match self.get_object::<K, Value>(namespace, name).await {
            Ok(object) => Ok(Some(object)),
            Err(error) if error.class() == ErrorClass::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Lists the objects of a namespace that a label selector matches, from the API server, page by page. Malformed
    /// objects are reported and left out.
    pub async fn list<K: CacheObject>(&self, namespace: &str, selector: &str) -> Result<Vec<K>, ApiError> {
        let mut objects = Vec::new();
        let mut params = ListParams::default().labels(selector).limit(PAGE);
        loop {
            let token = self.list_page(namespace, selector, &params, &mut objects).await?;
            match token {
                Some(token) if !token.is_empty() => params = params.continue_token(&token),
                _ => return Ok(objects),
            }
        }
    }

    /// As [`Self::list`], but from the memory of the API server, which may be some milliseconds behind. A list of the
    /// newest state waits until that memory has caught up, a tenth of a second where little happens.
    pub async fn list_recent<K: CacheObject>(&self, namespace: &str, selector: &str) -> Result<Vec<K>, ApiError> {
        let mut objects = Vec::new();
        let params = ListParams::default().labels(selector).match_any();
        self.list_page(namespace, selector, &params, &mut objects).await?;
        Ok(objects)
    }

    /// One list request; returns the token of the next page.
    async fn list_page<K: CacheObject>(
        &self,
        namespace: &str,
        selector: &str,
        params: &ListParams,
        objects: &mut Vec<K>,
    ) -> Result<Option<String>, ApiError> {
        let request = Request::new(K::url_path(&(), Some(namespace))).list(params);
        let page: ObjectList<Guarded<K>> =
            self.send::<K, _>("list", format!("in {namespace} with {selector}"), request).await?;
        for guarded in page.items {
            match guarded.object {
                Ok(object) => objects.push(object),
                Err(error) => {
                    tracing::warn!(kind = %K::kind(&()), namespace, %error, "malformed object left out of a list");
                }
            }
        }
        Ok(page.metadata.continue_)
    }

    async fn get_object<K: CacheObject, T: DeserializeOwned>(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<T, ApiError> {
        let request = Request::new(K::url_path(&(), Some(namespace))).get(name, &GetParams::default());
        self.send::<K, T>("get", ObjectKey::new(namespace, name).to_string(), request).await
    }

    /// Sends one request about a kind.
    pub(crate) async fn send<K: CacheObject, T: DeserializeOwned>(
        &self,
        operation: &'static str,
        object: String,
        request: Result<http::Request<Vec<u8>>, kube::core::request::Error>,
    ) -> Result<T, ApiError> {
        let kind = K::kind(&());
        let request =
            request.map_err(|error| ApiError::invalid(operation, &kind, object.clone(), &error.to_string()))?;
        match tokio::time::timeout(TIMEOUT, self.client().request::<T>(request)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(ApiError::new(operation, &kind, object, &error)),
            Err(_) => Err(ApiError::timeout(operation, &kind, object, TIMEOUT)),
        }
    }

    /// Sends one write about a kind, unless another replica leads.
    pub(crate) async fn send_write<K: CacheObject, T: DeserializeOwned>(
        &self,
        operation: &'static str,
        object: &ObjectKey,
        request: Result<http::Request<Vec<u8>>, kube::core::request::Error>,
    ) -> Result<T, ApiError> {
        if !self.may_write() {
            return Err(ApiError::not_leader(operation, &K::kind(&()), object.to_string()));
        }
        self.send::<K, T>(operation, object.to_string(), request).await
    }
}
