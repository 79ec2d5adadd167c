package io.tidemark.it;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A program that serves web pages from a SQLite database, unmodified. */
enum Site {
  /** A site with sessions, forms and uploads, in WAL mode. */
  DJANGO("django", "board.db") {
    @Override
    void make(Path database, Path home, List<String> users) {
      Command.sqlite(database, "PRAGMA journal_mode=WAL;").ok();
      manage(database, "migrate", "--verbosity", "0").ok();
      String make = "from django.contrib.auth.models import User\n";
      for (String user : users) {
        make += "User.objects.create_user('" + user + "', password='" + PASSWORD + "')\n";
      }
      manage(database, "shell", "-c", make).ok();
    }

    @Override
    SiteServer serve(Path database, Path home, int port, Path log) {
      return new SiteServer(
          List.of(
              Settings.python(),
              Settings.script("board/manage.py").toString(),
              "runserver",
              "--noreload",
              "127.0.0.1:" + port),
          environment(database),
          port,
          log);
    }

    private Command manage(Path database, Object... arguments) {
      Command command = Command.python("board/manage.py", arguments);
      environment(database).forEach(command::with);
      return command;
    }

    private Map<String, String> environment(Path database) {
      return Map.of("BOARD_DATABASE", database.toString(), "PYTHONDONTWRITEBYTECODE", "1");
    }
  },

  /** A repository with tickets and attachments, in the rollback mode that fossil comes with. */
  FOSSIL("fossil", "project.fossil") {
    @Override
    void make(Path database, Path home, List<String> users) {
      fossil(home, "init", "--admin-user", "admin", database);
      for (String user : users) {
        fossil(home, "user", "new", user, user + "@site.test", PASSWORD, "-R", database);
        fossil(home, "user", "capabilities", user, "s", "-R", database);
      }
    }

    @Override
    SiteServer serve(Path database, Path home, int port, Path log) {
      return new SiteServer(
          List.of(
              "fossil",
              "server",
              "--localhost",
              "--nojail",
              "--baseurl",
              "http://site.test",
              "--port",
              "" + port,
              database.toString()),
          Map.of("HOME", home.toString()),
          port,
          log);
    }

    private void fossil(Path home, Object... arguments) {
      List<Object> words = new ArrayList<>(List.of("fossil"));
      words.addAll(List.of(arguments));
      Command.of(words.toArray()).with("HOME", home.toString()).with("USER", "admin").ok();
    }
  };

  private static final String PASSWORD = "correct horse";

  private final String kind;
  private final String database;

  Site(String kind, String database) {
    this.kind = kind;
    this.database = database;
  }

  /** What site_client.py calls it. */
  String kind() {
    return kind;
  }

  String database() {
    return database;
  }

  /** Makes the database and its users, on the primary. */
  abstract void make(Path file, Path home, List<String> users);

  /**
   * Starts a server.
   *
   * @param file the database on a node's mount
   */
  abstract SiteServer serve(Path file, Path home, int port, Path log);
}
