"""Announcements and subscriptions as programs of people read them: Atom for feed readers, iCalendar for
calendars."""
