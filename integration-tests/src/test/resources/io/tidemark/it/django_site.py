"""A Django site whose database lies at the given path: migrate, rows through the ORM, a row through
the admin page over HTTP.

    django_site.py DIRECTORY DATABASE ROWS

DIRECTORY is where the project is made. Prints "groups N" at the end.
"""

import http.cookiejar
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

directory, database, rows = sys.argv[1], sys.argv[2], int(sys.argv[3])
os.makedirs(directory, exist_ok=True)
subprocess.run(
    [sys.executable, "-m", "django", "startproject", "site_under_test", directory], check=True
)
with open(os.path.join(directory, "site_under_test", "settings.py"), "a") as settings:
    settings.write("\nDATABASES['default']['NAME'] = %r\n" % database)
    settings.write("DATABASES['default']['OPTIONS'] = {'timeout': 30}\n")


def manage(*arguments, **environment):
    subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=directory,
        check=True,
        env={**os.environ, **environment},
    )


manage("migrate", "--verbosity", "0")
manage(
    "createsuperuser",
    "--noinput",
    DJANGO_SUPERUSER_USERNAME="admin",
    DJANGO_SUPERUSER_PASSWORD="correct horse",
    DJANGO_SUPERUSER_EMAIL="admin@example.org",
)
orm = """
from django.contrib.auth.models import Group
from django.db import transaction
for i in range(%d):
    Group.objects.create(name='group %%d' %% i)
try:
    with transaction.atomic():
        Group.objects.create(name='rolled back')
        raise RuntimeError()
except RuntimeError:
    pass
""" % rows
manage("shell", "-c", orm)

with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
base = "http://127.0.0.1:%d" % port
server = subprocess.Popen(
    [sys.executable, "manage.py", "runserver", "--noreload", "127.0.0.1:%d" % port],
    cwd=directory,
    stdout=subprocess.DEVNULL,
    stderr=subprocess.DEVNULL,
)
try:
    jar = http.cookiejar.CookieJar()
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))

    def page(path, **form):
        data = urllib.parse.urlencode(form).encode() if form else None
        request = urllib.request.Request(base + path, data, {"Referer": base + path})
        with opener.open(request, timeout=30) as answer:
            return answer.read().decode()

    deadline = time.monotonic() + 30
    while True:
        try:
            form = page("/admin/login/")
            break
        except (urllib.error.URLError, ConnectionError):
            if time.monotonic() > deadline or server.poll() is not None:
                raise
            time.sleep(0.05)

    def token(html):
        return re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', html).group(1)

    page(
        "/admin/login/?next=/admin/",
        csrfmiddlewaretoken=token(form),
        username="admin",
        password="correct horse",
    )
    form = page("/admin/auth/group/add/")
    shown = page(
        "/admin/auth/group/add/", csrfmiddlewaretoken=token(form), name="made in the admin page"
    )
    assert "made in the admin page" in shown, "the new group is not listed"
finally:
    server.terminate()
    server.wait(timeout=30)

manage("shell", "-c", "from django.contrib.auth.models import Group; print('groups', Group.objects.count())")
