//! An embedded Qtum for development and tests.
