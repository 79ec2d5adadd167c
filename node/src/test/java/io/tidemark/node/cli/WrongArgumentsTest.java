package io.tidemark.node.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.node.config.HostPort;
import io.tidemark.node.config.NodeConfig;
import io.tidemark.node.http.ApiLimits;
import io.tidemark.node.http.ApiServer;
import io.tidemark.node.http.FakeNode;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Every command with wrong, missing and hostile arguments: exit code and what it says. */
class WrongArgumentsTest {
  @TempDir static Path dir;
  private static ApiServer server;
  private static FakeNode node;
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  @BeforeAll
  static void start() throws Exception {
    node = new FakeNode(Files.createDirectory(dir.resolve("data")));
    node.put("app.db", new byte[4096]);
    server =
        ApiServer.start(
            new NodeConfig.Http(new HostPort("127.0.0.1", 0), null, null, false),
            node,
            ApiLimits.defaults());
    Files.writeString(dir.resolve("text.db"), "this is text and no database ".repeat(100));
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  /** In a line URL is the node, DIR a directory, and _ a blank inside a word. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "stat | 2 | Unmatched argument | tidemark --help",
        "status extra | 2 | extra | tidemark status --help",
        "status --url | 2 | --url | tidemark status --help",
        "status --url ftp://x | 2 | 'ftp://x' is no address | --url http://HOST:20202",
        "status --url http://127.0.0.1:1 | 1 | No node answers at http://127.0.0.1:1 | mount",
        "status --url URL --cert DIR/x | 2 | --cert and --key belong together | together",
        "status --url URL --ca DIR/none.pem | 2 | Cannot use --ca | none.pem",
        "export --url URL | 2 | --name | tidemark export --help",
        "export --url URL --name app.db | 2 | FILE | tidemark export --help",
        "export --url URL --name none.db DIR/o | 1 | no database none.db | GET /status",
        "export --url URL --name ../../etc/passwd DIR/o | 1 | no database can have that name | app.db",
        "export --url URL --name app.db-wal DIR/o | 1 | no database can have that name | app.db",
        "export --url URL --name a_b%00c DIR/o | 1 | no database | GET /status",
        "export --url URL --name app.db /nonexistent/o | 1 | Cannot write /nonexistent/o | o",
        "import --url URL --name x DIR/none.db | 1 | Cannot read | Check the path",
        "import --url URL --name x DIR/text.db | 1 | Cannot import | text.db",
        "import --url URL --name x DIR | 1 | Cannot read | Check the path",
        "drop --url URL | 2 | --name | tidemark drop --help",
        "drop --url URL --name none.db | 1 | no database none.db | GET /status",
        "drop --url URL --name <script> | 1 | no database <script> | GET /status",
        "run --url URL | 2 | no command | after --",
        "run --url URL -- | 2 | no command | after --",
        "run --url URL --with-halt-lock-on /etc/passwd -- true | 1 | Cannot find /etc/passwd | /mnt/fake",
        "run --url URL -- /nonexistent/x | 1 | Cannot start '/nonexistent/x' | x",
        "promote --url URL | 1 | lease is static | etcd, consul or kubernetes",
        "promote --url URL --force | 1 | lease is static | etcd, consul or kubernetes",
        "promote --url URL --force=maybe | 2 | maybe | tidemark promote --help",
        "handoff --url URL --to x | 1 | lease is static | etcd, consul or kubernetes",
        "ltx ls DIR/none | 1 | none | none",
        "ltx dump DIR/text.db | 1 | text.db | text.db",
        "ltx verify --data-dir DIR/none | 1 | none | none",
        "ltx export --data-dir DIR --name x | 2 | --out | tidemark ltx export --help",
        "ltx ls --data-dir DIR/data --from x | 2 | x | x",
        "divergent ls --url http://127.0.0.1:1 | 1 | No node answers | mount",
        "divergent export --to DIR/o | 2 | --name | tidemark divergent export --help",
        "bench --seconds -1 | 2 | seconds | seconds",
        "completion | 2 | bash|zsh | tidemark completion --help",
        "completion csh | 2 | 'csh' | bash or zsh",
        "mount --config DIR/none.yml | 2 | There is no configuration file | Check --config",
        "mount --config DIR/text.db | 2 | text.db | 'key: value'",
        "mount --config /dev/null --fuse-dir DIR/m | 2 | No data directory | --data-dir DIR",
        "version x | 2 | x | tidemark version --help",
        "help nonsense | 2 | nonsense | help",
      })
  void aWrongCallIsExplained(String line, int code, String says, String next) {
    String[] words =
        Arrays.stream(line.trim().split(" "))
            .map(word -> word.replace("URL", "http://127.0.0.1:" + server.port()))
            .map(word -> word.replace("DIR", dir.toString()).replace('_', ' '))
            .toArray(String[]::new);
    int got = CommandLineTool.run(words, new PrintStream(out, true), new PrintStream(err, true));
    String said = err.toString(StandardCharsets.UTF_8);
    assertThat(got).as(said).isEqualTo(code);
    assertThat(out.toString(StandardCharsets.UTF_8)).isEmpty();
    assertThat(said).contains(says).contains(next).doesNotContain("\tat ");
    assertThat(said.lines().count()).as(said).isLessThanOrEqualTo(3);
    assertThat(node.find("app.db")).isNotNull();
  }
}
