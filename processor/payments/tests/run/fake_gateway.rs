//! A gateway that remembers keys, and loses answers when it is told to.

use std::collections::HashMap;
use std::pin::Pin;

use async_trait::async_trait;
use http::HeaderMap;
use onsale_payments::gateway::{
    CreateOrder, Currencies, DisputeAtGateway, Gateway, GatewayError, GatewayState, Method, Notice,
    Page, Phase, RefundAtGateway, RefundPhase, WebhookError,
};
use parking_lot::Mutex;
use uuid::Uuid;

/// How money comes by a method.
pub(crate) const HELD: &str = "card";
pub(crate) const AT_ONCE: &str = "promptpay";
pub(crate) const DECLINED: &str = "declined";
/// It is set aside, and cannot be taken then.
pub(crate) const UNTAKEABLE: &str = "untakeable";

#[derive(Default)]
pub(crate) struct Books {
    objects: HashMap<String, GatewayState>,
    of_payments: HashMap<Uuid, String>,
    /// What was done by each key.
    keys: HashMap<String, String>,
    /// Answers that are still to be lost, though it is done.
    pub(crate) lost: u32,
    /// Calls that are still to be turned away.
    pub(crate) busy: u32,
}

/// Something that is done meanwhile.
pub(crate) type Meanwhile = Pin<Box<dyn Future<Output = ()> + Send>>;

pub(crate) struct FakeGateway {
    methods: Vec<Method>,
    pub(crate) books: Mutex<Books>,
    /// Done while the next payment is made, before the answer arrives.
    pub(crate) meanwhile: Mutex<Option<Meanwhile>>,
}

impl FakeGateway {
    pub(crate) fn new() -> Self {
        let method = |name, can_hold| Method {
            name,
            can_hold,
            needs_email: false,
            currencies: Currencies::AllBut(&[]),
            amounts: (1, i64::MAX),
        };
        Self {
            methods: vec![
                method(HELD, true),
                method(AT_ONCE, false),
                method(DECLINED, true),
                method(UNTAKEABLE, true),
            ],
            books: Mutex::new(Books::default()),
            meanwhile: Mutex::new(None),
        }
    }

    /// What it has of buyers: taken and not given back, over all payments.
    pub(crate) fn kept(&self) -> i64 {
        let books = self.books.lock();
        let kept = |state: &GatewayState| state.captured - state.refunded;
        books.objects.values().map(kept).sum()
    }

    /// Whether money is set aside.
    pub(crate) fn holds(&self) -> bool {
        let books = self.books.lock();
        let is_held = |state: &GatewayState| state.phase == Phase::Authorised;
        books.objects.values().any(is_held)
    }

    /// Takes the money of a payment after all.
    pub(crate) fn take_late(&self, payment: Uuid) {
        let mut books = self.books.lock();
        let object = books.of_payments.get(&payment).cloned().unwrap();
        let state = books.objects.get_mut(&object).unwrap();
        state.phase = Phase::Captured;
        state.captured = state.amount;
    }

    pub(crate) fn objects(&self) -> usize {
        self.books.lock().objects.len()
    }

    /// Does it once for its key, and answers unless that is to be lost.
    fn by_key<T>(
        &self,
        key: &str,
        what: impl FnOnce(&mut Books) -> (String, Result<T, GatewayError>),
        again: impl FnOnce(&Books, &str) -> Result<T, GatewayError>,
    ) -> Result<T, GatewayError> {
        let mut books = self.books.lock();
        books.admit()?;
        let answer = match books.keys.get(key).cloned() {
            Some(done) => again(&books, &done),
            None => {
                let (done, answer) = what(&mut books);
                books.keys.insert(key.to_owned(), done);
                answer
            }
        };
        books.arrives(answer)
    }
}

impl Books {
    /// Turns a call away where it is to.
    fn admit(&mut self) -> Result<(), GatewayError> {
        if self.busy == 0 {
            return Ok(());
        }
        self.busy -= 1;
        Err(GatewayError::Unavailable {
            retry_after_ms: None,
            why: "busy".to_owned(),
        })
    }

    /// An answer, unless it is to be lost.
    fn arrives<T>(&mut self, answer: Result<T, GatewayError>) -> Result<T, GatewayError> {
        if self.lost == 0 {
            return answer;
        }
        self.lost -= 1;
        Err(GatewayError::Unknown("it was lost".to_owned()))
    }
}

fn refused(code: &str) -> GatewayError {
    GatewayError::Refused {
        code: code.to_owned(),
        message_for_operator: code.to_owned(),
        is_final: true,
    }
}

fn read_in(books: &Books, object: &str) -> Result<GatewayState, GatewayError> {
    let state = books.objects.get(object).cloned();
    state.ok_or_else(|| refused("not_found"))
}

#[async_trait]
impl Gateway for FakeGateway {
    fn name(&self) -> &'static str {
        "fake"
    }

    fn methods(&self) -> &[Method] {
        &self.methods
    }

    async fn create(&self, order: &CreateOrder<'_>) -> Result<GatewayState, GatewayError> {
        let object = format!("fake_{}", order.payment.simple());
        let state = GatewayState {
            object: object.clone(),
            phase: match order.method {
                AT_ONCE => Phase::Captured,
                DECLINED => Phase::Failed,
                _ => Phase::Authorised,
            },
            amount: order.amount,
            currency: order.currency,
            captured: if order.method == AT_ONCE {
                order.amount
            } else {
                0
            },
            refunded: 0,
            failure: (order.method == DECLINED).then(|| "card_declined".to_owned()),
            next_action: None,
        };
        let meanwhile = self.meanwhile.lock().take();
        if let Some(meanwhile) = meanwhile {
            meanwhile.await;
        }
        let payment = order.payment;
        let is_untakeable = order.method == UNTAKEABLE;
        self.by_key(
            order.key,
            |books| {
                books.of_payments.insert(payment, object.clone());
                books.objects.insert(object.clone(), state.clone());
                if is_untakeable {
                    let key = format!("{payment}:capture");
                    books.keys.insert(key, "refused".to_owned());
                }
                (object, Ok(state))
            },
            read_in,
        )
    }

    async fn read(&self, object: &str) -> Result<GatewayState, GatewayError> {
        read_in(&self.books.lock(), object)
    }

    async fn find(
        &self,
        payment: Uuid,
        _created_from_ms: u64,
    ) -> Result<Option<GatewayState>, GatewayError> {
        let books = self.books.lock();
        let object = books.of_payments.get(&payment);
        Ok(object.and_then(|object| books.objects.get(object).cloned()))
    }

    async fn capture(
        &self,
        object: &str,
        key: &str,
        amount: i64,
    ) -> Result<GatewayState, GatewayError> {
        self.by_key(
            key,
            |books| {
                if let Some(state) = books.objects.get_mut(object)
                    && state.phase == Phase::Authorised
                {
                    state.phase = Phase::Captured;
                    state.captured = amount;
                }
                (object.to_owned(), read_in(books, object))
            },
            |books, done| match done {
                "refused" => Err(refused("capture_failed")),
                object => read_in(books, object),
            },
        )
    }

    async fn cancel(&self, object: &str) -> Result<GatewayState, GatewayError> {
        let mut books = self.books.lock();
        books.admit()?;
        if let Some(state) = books.objects.get_mut(object)
            && state.phase != Phase::Captured
        {
            state.phase = Phase::Cancelled;
        }
        let answer = read_in(&books, object);
        books.arrives(answer)
    }

    async fn refund(
        &self,
        object: &str,
        key: &str,
        amount: i64,
    ) -> Result<RefundAtGateway, GatewayError> {
        let refund = format!("refund_{}", key.replace(':', "_"));
        let done = |books: &Books| {
            let state = read_in(books, object)?;
            Ok(RefundAtGateway {
                object: refund.clone(),
                phase: RefundPhase::Done,
                amount,
                currency: state.currency,
                failure: None,
            })
        };
        self.by_key(
            key,
            |books| {
                if let Some(state) = books.objects.get_mut(object) {
                    state.refunded += amount;
                }
                (object.to_owned(), done(books))
            },
            |books, _| done(books),
        )
    }

    async fn read_refund(&self, _refund: &str) -> Result<RefundAtGateway, GatewayError> {
        Err(refused("not_found"))
    }

    async fn read_dispute(&self, _dispute: &str) -> Result<DisputeAtGateway, GatewayError> {
        Err(refused("not_found"))
    }

    async fn page(
        &self,
        _created_from_ms: u64,
        _after: Option<&str>,
    ) -> Result<Page, GatewayError> {
        Ok(Page::default())
    }

    fn verify_webhook(
        &self,
        _headers: &HeaderMap,
        _body: &[u8],
        _now_ms: u64,
    ) -> Result<Notice, WebhookError> {
        Err(WebhookError::NotSent)
    }
}
