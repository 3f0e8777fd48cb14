//! Tasks to destinations until the fate of each span is known and booked. Main types: [`Delivery`](delivery::Delivery),
//! [`Acknowledged`](acknowledged::Acknowledged), [`Resender`](resend::Resender); their [`DeliveryReport`](report::DeliveryReport).

pub(super) mod acknowledged;
pub(super) mod delivery;
pub(super) mod fate;
pub(super) mod lane;
pub(super) mod metrics;
pub(super) mod report;
pub(super) mod resend;
pub(super) mod retry;
pub(super) mod undelivered;
