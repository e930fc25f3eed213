//! A router that remembers what it routes, so that the API description can be held against it.

use axum::{Router, handler::Handler, routing::MethodRouter};

use crate::app::App;

/// Builds the router and the list of its endpoints side by side.
pub(crate) struct Routes {
    pub(crate) router: Router<App>,
    /// Method and path template of every endpoint, in order of registration.
    pub(crate) listed: Vec<(&'static str, &'static str)>,
}

impl Routes {
    pub(crate) fn new() -> Self {
        Self {
            router: Router::new(),
            listed: Vec::new(),
        }
    }

    pub(crate) fn get<H: Handler<T, App>, T: 'static>(
        self,
        path: &'static str,
        handler: H,
    ) -> Self {
        self.add("get", path, axum::routing::get(handler))
    }

    pub(crate) fn post<H: Handler<T, App>, T: 'static>(
        self,
        path: &'static str,
        handler: H,
    ) -> Self {
        self.add("post", path, axum::routing::post(handler))
    }

    pub(crate) fn put<H: Handler<T, App>, T: 'static>(
        self,
        path: &'static str,
        handler: H,
    ) -> Self {
        self.add("put", path, axum::routing::put(handler))
    }

    pub(crate) fn delete<H: Handler<T, App>, T: 'static>(
        self,
        path: &'static str,
        handler: H,
    ) -> Self {
        self.add("delete", path, axum::routing::delete(handler))
    }

    /// All of another table too.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.listed.extend(other.listed);
        self
    }

    fn add(mut self, method: &'static str, path: &'static str, route: MethodRouter<App>) -> Self {
        self.router = self.router.route(path, route);
        self.listed.push((method, path));
        self
    }
}
