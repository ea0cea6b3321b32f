"""Starts Label Studio on port 8080 with user, password and token of .env; a change there is taken over.

`start.py migrate` only makes the database, for the image.  Runs in Label Studio's own environment.  The tests have it
listen elsewhere with LABEL_STUDIO_BIND.
"""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

SETTINGS = ("LABEL_STUDIO_USERNAME", "LABEL_STUDIO_PASSWORD", "LABEL_STUDIO_USER_TOKEN")


def missing_settings(environment=os.environ) -> str:
    """Empty, or what a person has to do."""
    names = [name for name in SETTINGS if not environment.get(name)]
    if not names:
        return ""
    return (
        f"Stopped: {', '.join(names)} must not be empty. They come from LABEL_STUDIO_USERNAME, LABEL_STUDIO_PASSWORD "
        "and LABEL_STUDIO_TOKEN in .env: add them, or delete .env and let `make up` write a new one."
    )


def set_up_django() -> None:
    """Label Studio's modules import each other by their names below its folder."""
    sys.path.insert(0, str(Path(find_spec("label_studio").origin).parent))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "label_studio.core.settings.label_studio")
    import django

    django.setup()


def make_account(name: str, password: str, token: str) -> None:
    """One user, who may use the API with this token.  Label Studio itself would not take over a change."""
    from organizations.models import Organization
    from rest_framework.authtoken.models import Token
    from users.models import User

    user = User.objects.filter(email=name).first() or User.objects.create_user(email=name, password=password)
    if not user.check_password(password):
        user.set_password(password)
    user.is_staff = user.is_superuser = True
    organization = Organization.objects.first() or Organization.create_organization(created_by=user, title="Local")
    if not organization.has_user(user):
        organization.add_user(user)
    organization.jwt.legacy_api_tokens_enabled = True  # the plain token; else only tokens made in the browser work
    organization.jwt.save()
    user.active_organization = organization
    user.save()
    Token.objects.filter(user=user).exclude(key=token).delete()
    Token.objects.get_or_create(user=user, defaults={"key": token})


def main(arguments: list[str]) -> str | None:
    """Runs until it is stopped; what it returns is the reason why it could not."""
    only_migrate = arguments == ["migrate"]
    if not only_migrate and missing_settings():
        return missing_settings()
    set_up_django()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    if not only_migrate:
        make_account(*(os.environ[name] for name in SETTINGS))
        call_command("runserver", "--noreload", os.environ.get("LABEL_STUDIO_BIND", "0.0.0.0:8080"))
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
