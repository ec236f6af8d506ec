"""What is promised of delivery, and by which tests: the one place that lists them.

Of each promise the first test is the one that shows it; the others show its parts. `tests/test_promises.py`
sees to it that every one of them is there.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Promise:
    """`tests`: `file::function`, below the folder of the tests."""

    name: str
    says: str
    tests: tuple[str, ...]


PROMISES = (
    Promise(
        "no loss",
        "Every accepted event ends delivered, exhausted or expired, whichever process dies whenever.",
        (
            "chaos/test_chaos.py::test_nothing_is_lost_and_nothing_wrongly_repeated",
            "chaos/test_chaos.py::test_it_recovers_by_itself_when",
            "end_to_end/test_crashes.py::test_nothing_is_lost_when_the_process_is_killed_again_and_again",
            "courier/test_crash.py::test_killed_again_and_again_it_loses_nothing",
            "courier/test_housekeeping.py::test_messages_for_an_endpoint_that_is_off_expire",
            "notification/test_digests.py::test_a_crash_loses_nothing_and_repeats_nothing",
        ),
    ),
    Promise(
        "stable identity",
        "One webhook-id, and one content, per message and endpoint: across retries, replays and restarts.",
        (
            "courier/test_identity.py::test_one_webhook_id_across_retries_replays_and_restarts",
            "courier/test_backlog.py::test_handing_over_twice_delivers_once",
        ),
    ),
    Promise(
        "signatures",
        "Signatures verify with the public Standard Webhooks library before, during and after a rotation.",
        (
            "courier/test_courier.py::test_before_during_and_after_a_rotation",
            "courier/test_signing.py::test_published_vectors",
            "courier/test_signing.py::test_the_public_library_verifies",
        ),
    ),
    Promise(
        "schedule",
        "Retries come by the schedule: never early, inside the jitter, bounded in all.",
        (
            "courier/test_courier.py::test_75_hours_of_retries_pass_in_seconds",
            "courier/test_schedule.py::test_it_is_the_schedule_of_the_standard",
            "courier/test_schedule.py::test_never_early_and_inside_the_jitter",
            "courier/test_schedule.py::test_the_whole_way_is_bounded",
        ),
    ),
    Promise(
        "HTTP rules",
        "Each answer is judged by one table; a bounded number of bytes is read of it, in a bounded time.",
        (
            "courier/test_http.py::test_the_table",
            "courier/test_http.py::test_troubles_are_outcomes",
            "courier/test_http.py::test_a_gigabyte_is_not_read",
            "courier/test_courier.py::test_410_switches_off_and_tells_the_owner",
            "courier/test_courier.py::test_retry_after_lets_the_whole_endpoint_rest",
            "courier/test_schedule.py::test_retry_after_in_seconds_or_as_a_date",
        ),
    ),
    Promise(
        "address guard",
        "No address of the inside is ever dialled: not by spelling, redirect, rebinding or a mixed answer.",
        (
            "courier/test_address_guard.py::test_forbidden_addresses_are_refused",
            "courier/test_address_guard.py::test_other_spellings_are_refused",
            "courier/test_resolver.py::test_one_forbidden_address_refuses_the_name",
            "courier/test_resolver.py::test_rebinding_between_check_and_dial",
            "courier/test_resolver.py::test_a_redirect_to_the_inside_is_not_followed",
        ),
    ),
    Promise(
        "noisy neighbour",
        "An endpoint that never answers does not slow the others: p99 within 10 %.",
        (
            "chaos/test_neighbours.py::test_an_endpoint_that_never_answers_does_not_slow_the_others",
            "courier/test_courier.py::test_an_endpoint_that_is_silent_gets_one_request_at_a_time",
        ),
    ),
    Promise(
        "replay",
        "A message can be sent again by its id; a window leaves out what was delivered.",
        (
            "courier/test_service.py::test_a_window_replay_leaves_out_what_was_delivered",
            "courier/test_service.py::test_replay_by_id_sends_even_what_was_delivered",
        ),
    ),
    Promise(
        "switching off",
        "Five days without a success switch an endpoint off and tell its owner; one success resets them.",
        (
            "courier/test_courier.py::test_five_days_without_success_switch_off",
            "courier/test_courier.py::test_one_success_resets_the_five_days",
        ),
    ),
    Promise(
        "poison",
        "What cannot be handled becomes a dead letter with its reason; a flood stops the consumer instead.",
        (
            "kernel/stream/test_contract.py::"
            "test_poison_goes_to_the_dead_letters_with_its_reason_and_the_others_go_on",
            "kernel/stream/test_contract.py::test_a_flood_halts_the_consumer_and_nothing_of_it_is_lost",
            "kernel/stream/test_contract.py::test_redrive_hands_exactly_that_event_over_again",
        ),
    ),
    Promise(
        "streams",
        "Cut anywhere, a live stream goes on without a gap, or says that there is one; who stalls is cut.",
        (
            "gateway/test_stream.py::test_cut_at_every_boundary_and_resumed_nothing_is_missing",
            "gateway/test_stream.py::test_a_position_that_cannot_be_resumed_is_said",
            "gateway/test_stream.py::test_a_stalled_reader_is_cut_and_others_go_on",
        ),
    ),
    Promise(
        "API",
        "The contract is kept by every answer, nobody sees what is another's, every error is problem+json.",
        (
            "end_to_end/test_contract.py::test_the_administrator_finds_the_contract_kept",
            "end_to_end/test_contract.py::test_a_company_finds_the_contract_kept",
            "end_to_end/test_tenants.py::test_everybody_is_answered_what_is_theirs",
            "end_to_end/test_tenants.py::test_the_table_has_every_endpoint_of_the_contract",
            "end_to_end/test_bad_input.py::test_what_is_wrong_is_told_and_leaves_nothing",
        ),
    ),
    Promise(
        "observability",
        "What waits and for how long is measured, and one trace leads from the request to the webhook.",
        (
            "end_to_end/test_trace.py::test_the_trace_of_the_request_arrives_with_the_webhook",
            "bootstrap/test_measuring.py::test_webhooks_that_nobody_delivers_show_their_age",
            "kernel/stream/test_journal.py::test_lag_counts_what_waits_for_the_service",
            "deploy/test_compose_services.py::test_lag_is_told_of_every_handler_and_of_the_relay",
        ),
    ),
)
