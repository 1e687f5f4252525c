//! [`Hits`]: responses that another node has stored: the whole way of a request for one, the call of the
//! store alone, and what a client alone takes for the same bytes.

use std::rc::Rc;

use larder::shared::{EntryKey, EntryStore, InvalidationLog};
use larder_benches::{Case, read};
use tokio::runtime::Runtime;

use crate::ask::{Asking, How, keys};
use crate::reader::{PLAIN, Reader};
use crate::stand::{fill, frame};
use crate::store::{Ask, copy, get, key};

/// A store with responses in it, and copies of one of them under keys that are known here.
pub struct Hits<S> {
    asking: Asking,
    runtime: Rc<Runtime>,
    store: S,
    /// Of what stands in the store.
    frame: usize,
    /// Of a body.
    length: usize,
}

impl<S: EntryStore + InvalidationLog + Clone> Hits<S> {
    /// Fills a store, with responses that have no tags.
    pub async fn fill(
        how: How,
        runtime: &Rc<Runtime>,
        store: S,
        length: usize,
        quick: bool,
    ) -> Self {
        let keys = keys(length, quick);
        fill(store.clone(), PLAIN, keys, length, 0).await;
        let frame = frame(length).await;
        for number in 0..keys {
            let put = copy(number, &frame);
            store.put(&put).await.expect("it is stored");
        }
        Self {
            asking: Asking { how, keys },
            runtime: Rc::clone(runtime),
            store,
            frame: frame.len(),
            length,
        }
    }

    /// Stores as many again, with so many tags each.
    pub async fn add(&self, under: &str, tags: usize) {
        let Asking { keys, .. } = self.asking;
        fill(self.store.clone(), under, keys, self.length, tags).await;
    }

    /// A client alone: what it asks for, and the length of what it gets.
    pub fn bare<I, F>(
        &self,
        name: &'static str,
        named: impl Fn(EntryKey) -> I + 'static,
        get: impl Fn(I) -> F + Clone + Send + 'static,
    ) -> Case<'static>
    where
        I: Send + 'static,
        F: Future<Output = usize> + Send,
    {
        let named = move |n| named(key(n));
        self.asking
            .case(name, &self.runtime, self.frame, named, get)
    }

    pub fn store(&self, name: &'static str, ask: Ask) -> Case<'static> {
        let store = self.store.clone();
        let get = move |key| get(store.clone(), key, ask);
        self.asking.case(name, &self.runtime, self.frame, key, get)
    }

    pub fn layer(&self, name: &'static str, under: &'static str, tags: usize) -> Case<'static> {
        let store = self.store.clone();
        let mut reader = Reader::new(&self.runtime, store, under, self.length, tags);
        let read = |(service, request)| async move { read(&service, request).await };
        let asked = move |n| reader.ask(n);
        self.asking
            .case(name, &self.runtime, self.length, asked, read)
    }
}
