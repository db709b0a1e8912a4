"""Claude Code 2.1.330, header by header and key by key."""

import json
from typing import Any

import pytest

from ops.demo.blocks import Message, Text, ToolResult
from ops.demo.client import Request
from ops.demo.current_dialect import CurrentDialect
from ops.demo.dialect import AgentReport, Role, Sending
from ops.demo.people import BILLING, INES, MAYA, MAYA_LAPTOP, PIPELINE, RELAY, TOMAS, Person
from ops.demo.retrying import Again
from tests.ops.demo.rehearsal import TODAY

SESSION = "11111111-2222-4333-8444-555555555555"
AGENT = "a0123456789abcdef"
KEYS = [
    "model", "messages", "system", "tools", "metadata", "max_tokens", "thinking", "context_management",
    "output_config", "stream",
]  # fmt: skip


def dialect(person: Person = MAYA) -> CurrentDialect:
    return CurrentDialect(person, BILLING, TODAY)


def sending(speaks: CurrentDialect, role: Role | None = None, prompt: str = "Hi", **more: Any) -> Sending:
    role = role or speaks.main()
    messages = speaks.opening(role, (Text(prompt),))
    return Sending(role, SESSION, messages, len(messages) - 1, **more)


def request(person: Person = MAYA, change: Again | None = None, prompt: str = "Hi", **more: Any) -> Request:
    speaks = dialect(person)
    return speaks.request(sending(speaks, prompt=prompt, **more), change or Again())


def body(sent: Request) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(sent.body)
    return decoded


def test_a_main_request_has_the_keys_headers_and_blocks_of_the_captures() -> None:
    sent = request()
    said = body(sent)
    assert sent.path == "/v1/messages?beta=true"
    assert list(said) == KEYS
    assert (said["max_tokens"], said["stream"], said["thinking"]["display"]) == (128000, True, "updates")
    assert sent.headers["User-Agent"] == "claude-cli/2.1.330 (external, cli)"
    assert sent.headers["X-Claude-Code-Session-Id"] == SESSION
    assert (sent.headers["X-Stainless-Timeout"], sent.headers["X-Stainless-Retry-Count"]) == ("600", "0")
    assert sent.headers["anthropic-beta"].endswith("thinking-display-updates-2026-08-18")
    assert not [name for name in sent.headers if name.startswith("x-claude-code-")]
    billing, identity, prompt = said["system"]
    assert billing["text"].startswith("x-anthropic-billing-header: cc_version=2.1.330.")
    assert billing["text"].endswith("; cc_entrypoint=cli;")
    assert ["cache_control" in block for block in (billing, identity, prompt)] == [False, True, True]


def test_the_user_id_is_a_json_string() -> None:
    assert json.loads(body(request(TOMAS))["metadata"]["user_id"]) == {
        "device_id": TOMAS.device_id,
        "account_uuid": TOMAS.account_uuid,
        "session_id": SESSION,
    }


def test_the_first_message_ends_with_the_prompt_and_the_surroundings_follow() -> None:
    first, around = body(request(prompt="What is it?"))["messages"]
    *reminders, prompt = first["content"]
    assert prompt == {"type": "text", "text": "What is it?"}
    assert len(reminders) == 3
    assert all(block["text"].startswith("<system-reminder>") for block in reminders)
    assert (around["role"], around["output_config"]) == ("system", {"effort": "medium"})
    assert "cache_control" in around["content"][-1]


def test_the_versions_suffix_follows_from_the_first_prompt() -> None:
    one, same, other = (body(request(prompt=prompt))["system"][0]["text"] for prompt in ("Hi", "Hi", "Ho"))
    assert one == same != other


def test_a_subscriber_has_a_token_an_hour_and_more_betas() -> None:
    sent = request(TOMAS)
    assert sent.headers["authorization"].startswith("Bearer ")
    assert "x-api-key" not in sent.headers
    assert sent.headers["anthropic-beta"].endswith(",oauth-2025-04-20,extended-cache-ttl-2025-04-11")
    assert body(sent)["system"][1]["cache_control"] == {"type": "ephemeral", "ttl": "1h"}
    assert body(sent)["model"] != body(request())["model"]
    assert body(request())["system"][1]["cache_control"] == {"type": "ephemeral"}


def test_print_mode_says_so() -> None:
    sent = request(PIPELINE)
    assert sent.headers["User-Agent"] == "claude-cli/2.1.330 (external, sdk-cli)"
    assert "cc_entrypoint=sdk-cli;" in body(sent)["system"][0]["text"]


def test_after_an_error_event_it_asks_without_streaming() -> None:
    first, second = request(), request(change=Again(whole=True))
    assert body(second) == {**body(first), "stream": False, "max_tokens": 64000}
    assert second.headers == {**first.headers, "X-Stainless-Timeout": "300"}


def test_other_retries_are_the_same_bytes() -> None:
    assert request(change=Again(3.0)) == request()
    fallback = request(change=Again(fallback=True))
    assert fallback.body == request().body
    assert fallback.headers["anthropic-beta"] == request().headers["anthropic-beta"] + ",fallback-credit-2026-06-01"


@pytest.mark.parametrize(("background", "display"), [(False, "omitted"), (True, "updates")])
def test_an_agent_says_who_it_is(background: bool, display: str) -> None:
    speaks = dialect()
    role = speaks.agent("general-purpose", AGENT, speaks.main(), background=background)
    sent = speaks.request(sending(speaks, role), Again())
    assert sent.headers["x-claude-code-agent-id"] == AGENT
    assert "x-claude-code-parent-agent-id" not in sent.headers
    assert body(sent)["system"][0]["text"].endswith("; cc_is_subagent=true;")
    assert body(sent)["thinking"]["display"] == display
    assert ("thinking-display" in sent.headers["anthropic-beta"]) == background
    assert body(sent)["model"] == speaks.main().model


def test_a_nested_agent_names_its_parent_and_an_explorer_has_a_small_model() -> None:
    speaks = dialect()
    outer = speaks.agent("general-purpose", AGENT, speaks.main(), background=False)
    inner = speaks.agent("Explore", "a" + "9" * 16, outer, background=False)
    sent = speaks.request(sending(speaks, inner), Again())
    assert sent.headers["x-claude-code-parent-agent-id"] == AGENT
    assert body(sent)["model"] == "claude-haiku-4-5-20251001"
    assert [message["role"] for message in body(sent)["messages"]] == ["user"]


def test_after_its_first_results_a_general_agent_hears_of_agent_types() -> None:
    speaks = dialect()
    general = speaks.agent("general-purpose", AGENT, speaks.main(), background=False)
    explorer = speaks.agent("Explore", AGENT, speaks.main(), background=False)
    (told,) = speaks.after_results(general, 1)
    assert told.role == "system"
    assert speaks.after_results(general, 2) == speaks.after_results(explorer, 1) == ()
    assert speaks.after_results(speaks.main(), 1) == ()


def test_a_result_names_the_agent_unless_it_only_explored() -> None:
    speaks = dialect()
    report = AgentReport(AGENT, "All fine.", 100, 2, 3000)
    (text,) = speaks.handed_back(speaks.agent("general-purpose", AGENT, speaks.main(), background=False), report)
    assert f"agentId: {AGENT} (use SendMessage" in text.text
    assert "subagent_tokens: 100\ntool_uses: 2\nduration_ms: 3000" in text.text
    explored = speaks.handed_back(speaks.agent("Explore", AGENT, speaks.main(), background=False), report)
    assert explored == (Text("All fine."),)


def test_hints_are_told_only_by_those_who_want_to() -> None:
    hints = {"x-claude-code-prev-tool-durations": "Bash=1"}
    silent = request(INES, prompt_id="p", hints=hints)
    assert not [name for name in silent.headers if name.startswith("x-claude-code-")]
    telling = request(MAYA_LAPTOP, prompt_id="p", hints=hints)
    assert telling.headers["x-claude-code-request-class"] == "main"
    assert telling.headers["x-claude-code-prompt-id"] == "p"
    assert telling.headers["x-claude-code-prev-tool-durations"] == "Bash=1"
    assert "x-claude-code-agent-type" not in telling.headers


def test_an_agents_hints_name_its_type_and_a_compactions_have_no_prompt() -> None:
    speaks = dialect(MAYA_LAPTOP)
    role = speaks.agent("general-purpose", AGENT, speaks.main(), background=False)
    told = speaks.request(sending(speaks, role, prompt_id="p"), Again()).headers
    assert (told["x-claude-code-agent-type"], told["x-claude-code-request-class"]) == ("general-purpose", "subagent")
    assert told["x-claude-code-prompt-id"] == "p"
    main = speaks.main()
    compacts = Role("compaction", main.model, main.prompt, main.tools)
    told = speaks.request(sending(speaks, compacts, prompt_id="p"), Again()).headers
    assert told["x-claude-code-request-class"] == "compaction"
    assert "x-claude-code-prompt-id" not in told
    assert told["anthropic-beta"].count("fallback-credit") == 1


def test_a_title_is_asked_for_without_tools_and_with_a_form() -> None:
    sent = dialect().naming(SESSION, "Mend it")
    said = body(sent)
    assert said["tools"] == []
    assert said["output_config"]["format"]["schema"]["required"] == ["title"]
    assert "thinking" not in said
    assert said["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "<session>\nMend it\n</session>\n\nName this session."}]}
    ]
    assert "structured-outputs-2025-12-15" in sent.headers["anthropic-beta"]
    assert "x-claude-code-request-class" not in sent.headers
    assert dialect(TOMAS).naming(SESSION, "x").headers["x-claude-code-request-class"] == "auxiliary"


def test_counting_says_only_what_is_to_be_counted() -> None:
    sent = dialect().counting(SESSION, Message("user", "words"))
    assert sent.path == "/v1/messages/count_tokens?beta=true"
    assert list(body(sent)) == ["model", "messages", "tools"]
    assert body(sent)["messages"] == [{"role": "user", "content": "words"}]
    assert sent.headers["X-Claude-Code-Session-Id"] == SESSION


def test_a_continuation_begins_with_a_string_and_emptied_surroundings() -> None:
    first, emptied = dialect().continuation("This session is being continued.\n\nSummary: x")
    assert first.content == "This session is being continued.\n\nSummary: x"
    assert (emptied.role, emptied.content) == ("system", ())
    assert emptied.output_config


def test_the_suffix_of_a_continuation_is_always_the_same() -> None:
    speaks = CurrentDialect(INES, RELAY, TODAY)

    def suffix(summary: str) -> str:
        messages = (*speaks.continuation(f"First line.\n\n{summary}"), Message("user", (ToolResult("t", "x"),)))
        sent = speaks.request(Sending(speaks.main(), SESSION, messages, 2), Again())
        return str(body(sent)["system"][0]["text"])

    assert suffix("one") == suffix("other")
