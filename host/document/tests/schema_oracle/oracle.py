"""Reads schema and instances as texts, one question a line; answers whether each instance is valid.

An answer is a list with true, false, or the name of what Python raised; or the error of the schema.
"""

import json
import sys
import warnings

warnings.simplefilter("ignore")

from jsonschema import exceptions, validators  # noqa: E402


def judge(validator, text):
    try:
        instance = json.loads(text)
    except ValueError:
        return "unreadable"
    try:
        return validator.is_valid(instance)
    except (Exception, BaseException) as error:  # Whatever it is: endless recursion is a panic of rpds.
        return type(error).__name__


def answer(question):
    schema_text, instances = json.loads(question)
    schema = json.loads(schema_text)
    kind = validators.validator_for(schema)
    try:
        kind.check_schema(schema)
    except exceptions.SchemaError as error:
        return "refused: " + error.message
    validator = kind(schema)
    return [judge(validator, text) for text in instances]


for line in sys.stdin:
    print(json.dumps(answer(line)))
