//! Drawing a task in the terminal.
