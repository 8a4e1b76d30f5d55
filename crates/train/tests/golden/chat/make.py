"""Chat templates as transformers renders and tokenizes them: the reference for tokens/chat.rs and tokens/encode.rs.

    python make.py        writes a folder for each template beside this file

Made with transformers 4.57.1 and tokenizers 0.22.1. The templates are written for this test; each uses what the templates
of one family use.
"""

import json
import pathlib

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

HERE = pathlib.Path(__file__).parent

TEXTS = [
    "Hello there, how are you today? I am fine, thank you very much.",
    "The pump in hall 3 was repaired on Monday; the invoice follows.",
    "system user assistant tool You are a helpful assistant that answers briefly.",
]

CONVERSATIONS = [
    [("user", "Hello there"), ("assistant", "I am fine, thank you.")],
    [
        ("system", "You answer briefly."),
        ("user", "How is the pump?  "),
        ("assistant", " It was repaired on Monday."),
        ("user", "And\n\nthe invoice?"),
        ("assistant", "It follows.\n"),
    ],
    [("user", "Ünïcödé 😀 \"quotes\" & <tags>"), ("assistant", "")],
    [("user", "Nobody has answered yet")],
    [("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "<think>\nshort\n</think>\n\nd"), ("user", "e"), ("assistant", "f")],
]

# Control tokens around every turn, a system turn by default, generation marks.
CHATML = """{%- if messages[0]['role'] != 'system' -%}
    {{- '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' -}}
{%- endif -%}
{% for message in messages %}
    {%- if message.role == 'assistant' -%}
        {{- '<|im_start|>assistant\\n' -}}
        {%- generation -%}
        {{- message['content'] | trim + '<|im_end|>' -}}
        {%- endgeneration -%}
        {{- '\\n' -}}
    {%- else -%}
        {{- '<|im_start|>' ~ message.role ~ '\\n' ~ message.content ~ '<|im_end|>' ~ '\\n' -}}
    {%- endif -%}
{% endfor %}
{%- if add_generation_prompt -%}
    {{- '<|im_start|>assistant\\n' -}}
{%- endif -%}
"""

# Roles in headers, the text of each turn trimmed, a date only where the clock can be read.
HEADERS = """{{- bos_token }}
{%- if not date_string is defined %}
    {%- if strftime_now is defined %}
        {%- set date_string = "26 Jul 2024" %}
    {%- else %}
        {%- set date_string = "26 Jul 2024" %}
    {%- endif %}
{%- endif %}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{{- "Today Date: " + date_string + "\\n\\n" }}
{{- system_message }}
{{- "<|eot_id|>" }}
{%- for message in messages %}
    {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' }}
    {%- if message['role'] == 'assistant' %}
        {%- generation %}
        {{- message['content'] | trim + '<|eot_id|>' }}
        {%- endgeneration %}
    {%- else %}
        {{- message['content'] | trim + '<|eot_id|>' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}
"""

# Words instead of control tokens around the user, alternation enforced, spaces that matter at the beginning of a text.
BRACKETS = """{%- if messages[0]['role'] == 'system' %}
{%- set system = messages[0]['content'] + '\\n\\n' %}
{%- set loop_messages = messages[1:] %}
{%- else %}
{%- set system = '' %}
{%- set loop_messages = messages %}
{%- endif %}
{{- bos_token }}
{%- for message in loop_messages %}
{%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
{{- raise_exception('roles must alternate') }}
{%- endif %}
{%- if message['role'] == 'user' %}
{{- '[INST] ' + (system if loop.first else '') + message['content'].strip() + ' [/INST]' }}
{%- else %}
{%- generation %}
{{- ' ' + message['content'] + eos_token }}
{%- endgeneration %}
{%- endif %}
{%- endfor %}
"""

# Thoughts are dropped from every answer but those after the last question; macros, namespaces, Python's methods.
THOUGHTS = """{%- set ns = namespace(last=-1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.last < 0 and message.role == "user" and message.content is string %}
        {%- set ns.last = index %}
    {%- endif %}
{%- endfor %}
{%- macro turn(role, text) -%}
    {{ '<|im_start|>' + role + '\\n' + text + '<|im_end|>' + '\\n' }}
{%- endmacro %}
{%- for message in messages %}
    {%- if message.role == 'assistant' %}
        {%- set content = message.content %}
        {%- if '</think>' in content and loop.index0 < ns.last %}
            {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
        {%- endif %}
        {{- '<|im_start|>assistant\\n' }}
        {%- generation %}
        {{- content + '<|im_end|>' }}
        {%- endgeneration %}
        {{- '\\n' }}
    {%- else %}
        {{- turn(message.role, message.content) }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
"""

# Control tokens that swallow the spaces after them.
SWALLOWING = """{% for message in messages %}{{'<|' + message['role'] + '|>\\n'}}{% if message['role'] == 'assistant' %}{% generation %}{{ message['content'] + '<|end|>' }}{% endgeneration %}{{ '\\n' }}{% else %}{{ message['content'] + '<|end|>\\n' }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}"""


def byte_level(specials):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=360, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.add_special_tokens(specials)
    return tokenizer


def metaspace(specials, legacy):
    """SentencePiece's way: a space before the text, as a character of its own; by a normalizer in older files."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    tokens = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    if legacy:
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    trainer = trainers.BpeTrainer(vocab_size=420, special_tokens=tokens, show_progress=False)
    tokenizer.train_from_iterator(TEXTS, trainer)
    # The trainer marks all of them as control tokens; only these three are.
    saved = json.loads(tokenizer.to_str())
    saved["added_tokens"] = [token for token in saved["added_tokens"] if token["id"] < 3]
    tokenizer = Tokenizer.from_str(json.dumps(saved))
    tokenizer.add_special_tokens(specials)
    return tokenizer


def special(content, **more):
    return AddedToken(content, special=True, normalized=False, **more)


def write(name, tokenizer, template, tokens):
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **tokens)
    fast.chat_template = template
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    (folder / "tokenizer.json").write_text(tokenizer.to_str())
    # Two of the ways in which folders hold a template; bos and eos as a string and as an object.
    config = {"chat_template": template} if name != "headers" else {}
    for key, value in tokens.items():
        config[key] = value if key == "bos_token" else {"content": value, "lstrip": False, "special": True}
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=1) + "\n")
    if name == "headers":
        (folder / "chat_template.jinja").write_text(template)
    cases = []
    for turns in CONVERSATIONS:
        messages = [{"role": role, "content": content} for role, content in turns]
        case = {"messages": messages}
        case["text"] = fast.apply_chat_template(messages, tokenize=False)
        case["prompt"] = fast.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        encoded = fast.apply_chat_template(messages, tokenize=True, return_dict=True, return_assistant_tokens_mask=True)
        case["ids"], case["answers"] = encoded["input_ids"], encoded["assistant_masks"]
        cases.append(case)
    (folder / "cases.json").write_text("[\n" + ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases) + "\n]\n")


chatml = [special("<|endoftext|>"), special("<|im_start|>"), special("<|im_end|>")]
write("chatml", byte_level(chatml), CHATML, {"eos_token": "<|im_end|>"})
write("thoughts", byte_level(chatml), THOUGHTS, {"eos_token": "<|im_end|>"})
headers = ["<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
write("headers", byte_level([special(word) for word in headers]), HEADERS, {"bos_token": headers[0], "eos_token": headers[3]})
marks = [special("<s>"), special("</s>")]
write("brackets", metaspace(marks, False), BRACKETS, {"bos_token": "<s>", "eos_token": "</s>"})
write("brackets-legacy", metaspace(marks, True), BRACKETS, {"bos_token": "<s>", "eos_token": "</s>"})
swallowing = [special(f"<|{word}|>", rstrip=True) for word in ["system", "user", "assistant", "end"]]
write("swallowing", metaspace([special("<s>"), special("</s>"), *swallowing], True), SWALLOWING, {"bos_token": "<s>", "eos_token": "<|end|>"})
