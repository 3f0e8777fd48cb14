//! What became of a request: said once, for reports, the undelivered folder and acknowledgements. Main types: [`Fate`], and [`Lost`]
//! for what was not accepted.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::sink::otlp::encode::Request;
use crate::sink::reason::Reason;

/// What became of one request, or of a part of one that was split.
#[derive(Clone, Debug)]
pub(crate) struct Delivered {
    /// What was sent: unless all of it was accepted it is worth keeping. After a split, empty.
    pub(crate) request: Request,
    /// How often it was sent: not at all, when what was sent before shows that to be useless.
    pub(crate) attempts: u64,
    /// The size of its body before compression.
    pub(crate) bytes: u64,
    pub(crate) fate: Fate,
}

/// What became of spans.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The request was accepted, but for as many spans as this.
    Accepted { rejected: u64, message: String },
    /// The receiver takes no such span, however often it is sent.
    Unacceptable { reason: Reason },
    /// Nothing was taken.
    Undelivered { reason: Reason },
    /// Nobody knows.
    Unknown { reason: Reason },
    /// It was split; its parts follow, and count the spans.
    Split,
}

/// How spans were lost. A note in the undelivered folder names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lost {
    /// The receiver did not take the request.
    Undelivered,
    /// They may have arrived all the same.
    Unknown,
    /// The receiver took the request, but for some spans that it did not name.
    Partial,
    /// The receiver takes no such span.
    Rejected,
}

impl Lost {
    /// Whether they are sent again without being asked for: the receiver may take them yet.
    pub const fn is_resent(self) -> bool {
        matches!(self, Self::Undelivered | Self::Unknown)
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Partial | Self::Rejected => "rejected",
            Self::Undelivered => "not delivered",
            Self::Unknown => "of unknown outcome",
        })
    }
}

/// What was not accepted of a request.
#[derive(Debug)]
pub(crate) struct Loss {
    pub(crate) lost: Lost,
    /// So many spans or log records.
    pub(crate) items: u64,
    pub(crate) reason: Reason,
}

impl Delivered {
    /// Not sent, for the receiver states that it takes none such.
    pub(crate) fn unacceptable((request, reason): (Request, Reason)) -> Self {
        Self { request, attempts: 0, bytes: 0, fate: Fate::Unacceptable { reason } }
    }

    /// What was not accepted; `None` when all was, or when its parts say it.
    pub(crate) fn loss(&self) -> Option<Loss> {
        let (lost, reason) = match &self.fate {
            Fate::Accepted { rejected: 0, .. } | Fate::Split => return None,
            Fate::Accepted { rejected, message } => {
                let reason = Reason::Rejected { message: message.clone() };
                return Some(Loss { lost: Lost::Partial, items: *rejected, reason });
            }
            Fate::Unacceptable { reason } => (Lost::Rejected, reason),
            Fate::Undelivered { reason } => (Lost::Undelivered, reason),
            Fate::Unknown { reason } => (Lost::Unknown, reason),
        };
        Some(Loss { lost, items: self.request.items(), reason: reason.clone() })
    }
}
