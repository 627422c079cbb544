//! Command and reply codes.

use std::fmt;

/// A 16-bit command, reply or event code.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(pub u16);

macro_rules! codes {
    ($($(#[$doc:meta])+ $name:ident = $value:literal;)+) => {
        impl Code {
            $($(#[$doc])+ pub const $name: Self = Self($value);)+

            /// The protocol's name of the code, where this crate knows it.
            #[must_use]
            pub fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$name => Some(stringify!($name)),)+
                    Self(_) => None,
                }
            }
        }
    };
}

codes! {
    /// Read or write the user table.
    USER_WRQ = 8;
    /// Read the user table (within [`PREPARE_BUFFER`](Self::PREPARE_BUFFER), or directly on old firmware).
    USERTEMP_RRQ = 9;
    /// Read an option by name.
    OPTIONS_RRQ = 11;
    /// Write an option.
    OPTIONS_WRQ = 12;
    /// Read the attendance log.
    ATTLOG_RRQ = 13;
    /// Delete a user by internal serial.
    DELETE_USER = 18;
    /// Read the operation log.
    OPLOG_RRQ = 34;
    /// Read counts and capacities.
    GET_FREE_SIZES = 50;
    /// Read the clock's state, which comes in the session field.
    STATE_RRQ = 64;
    /// Read the clock's time.
    GET_TIME = 201;
    /// Set the clock's time.
    SET_TIME = 202;
    /// Register for events, and the command of every event packet.
    REG_EVENT = 500;
    /// Open a session.
    CONNECT = 1000;
    /// Close the session.
    EXIT = 1001;
    /// Let people punch again.
    ENABLE_DEVICE = 1002;
    /// Lock the keypad and sensors, optionally for a number of seconds.
    DISABLE_DEVICE = 1003;
    /// Restart the clock.
    RESTART = 1004;
    /// Make written users take effect.
    REFRESH_DATA = 1013;
    /// Make written options take effect.
    REFRESH_OPTION = 1014;
    /// Say a sentence: shows which clock this is.
    TEST_VOICE = 1017;
    /// Read the firmware version.
    GET_VERSION = 1100;
    /// Present the communication key.
    AUTH = 1102;
    /// The length of the data that follows.
    PREPARE_DATA = 1500;
    /// A piece of table data.
    DATA = 1501;
    /// Release the clock's table buffer.
    FREE_DATA = 1502;
    /// Put a table into the clock's buffer.
    PREPARE_BUFFER = 1503;
    /// Read a part of the buffer.
    READ_CHUNK = 1504;
    /// Done.
    ACK_OK = 2000;
    /// Refused, unknown option, or bad state.
    ACK_ERROR = 2001;
    /// Done, data in the same packet.
    ACK_DATA = 2002;
    /// Try again.
    ACK_RETRY = 2003;
    /// Send again.
    ACK_REPEAT = 2004;
    /// A communication key is needed, or was wrong.
    ACK_UNAUTH = 2005;
    /// The clock does not know the command.
    ACK_UNKNOWN = 0xFFFF;
    /// The command came in the wrong order.
    ACK_BAD_ORDER = 0xFFFD;
    /// The clock is not initialised.
    ACK_NOT_INIT = 0xFFFC;
    /// The clock found the data bad.
    ACK_BAD_DATA = 0xFFFB;
}

impl Code {
    /// Whether a clock answers a request with this code.
    #[must_use]
    pub fn is_reply(self) -> bool {
        matches!(
            self,
            Self::ACK_OK
                | Self::ACK_ERROR
                | Self::ACK_DATA
                | Self::ACK_RETRY
                | Self::ACK_REPEAT
                | Self::ACK_UNAUTH
                | Self::ACK_UNKNOWN
                | Self::ACK_BAD_ORDER
                | Self::ACK_NOT_INIT
                | Self::ACK_BAD_DATA
                | Self::PREPARE_DATA
                | Self::DATA
        )
    }

    /// Whether the code says that the request was carried out.
    #[must_use]
    pub fn is_success(self) -> bool {
        matches!(self, Self::ACK_OK | Self::ACK_DATA)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{name} ({})", self.0),
            None => write!(f, "{}", self.0),
        }
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
