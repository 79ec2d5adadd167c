package io.tidemark.node.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.database.Divergence;
import io.tidemark.database.Store;
import io.tidemark.database.StoreOptions;
import io.tidemark.node.config.HostPort;
import io.tidemark.node.config.NodeConfig;
import io.tidemark.node.http.ApiLimits;
import io.tidemark.node.http.ApiServer;
import io.tidemark.node.http.FakeNode;
import io.tidemark.node.ltx.LtxInput;
import io.tidemark.node.ltx.LtxVerifier;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DivergentToolsTest {
  @TempDir Path dir;
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();
  private Path data;
  private Divergence set;

  private int run(String... args) {
    out.reset();
    err.reset();
    return CommandLineTool.run(args, new PrintStream(out, true), new PrintStream(err, true));
  }

  private String out() {
    return out.toString(StandardCharsets.UTF_8);
  }

  private String err() {
    return err.toString(StandardCharsets.UTF_8);
  }

  private Path source(String sql) throws Exception {
    Path file = dir.resolve("source.db");
    try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + file);
        Statement statement = connection.createStatement()) {
      statement.execute(sql);
    }
    return file;
  }

  /** Two transactions of a node that was primary and is a replica now. */
  @BeforeEach
  void setAside() throws Exception {
    data = dir.resolve("data");
    try (Store store = Store.open(StoreOptions.defaults(data))) {
      store.importDatabase("shop/app.db", source("CREATE TABLE t(x)"));
      store.importDatabase("shop/app.db", source("INSERT INTO t VALUES('kept')"));
      store.becomeReplica();
      set = store.get("shop/app.db").setAside(0, "node-b has another history");
    }
  }

  @Test
  void lsShowsWhatADataDirectoryHas() {
    assertThat(run("divergent", "ls", "--data-dir", data.toString())).as(err()).isZero();
    assertThat(out())
        .contains("shop/app.db", "0000000000000001", "0000000000000002", set.id())
        .contains("node-b has another history");
  }

  @Test
  void lsOfADataDirectoryWithoutAnySaysSo() throws Exception {
    Path empty = dir.resolve("empty");
    Store.open(StoreOptions.defaults(empty)).close();
    assertThat(run("divergent", "ls", "--data-dir", empty.toString())).isZero();
    assertThat(out()).isEqualTo("No divergent transactions.\n");
  }

  @Test
  void exportToAFileGivesTheDatabaseAsItWas() throws Exception {
    Path target = dir.resolve("back.db");
    Files.writeString(target, "old");
    Files.writeString(Path.of(target + "-wal"), "of the old one");
    assertThat(export("shop/app.db", target)).as(err()).isZero();
    assertThat(target).hasSameBinaryContentAs(dir.resolve("source.db"));
    assertThat(Path.of(target + "-wal")).doesNotExist();
    assertThat(Path.of(target + ".tmp")).doesNotExist();
    assertThat(out()).isEqualTo("wrote " + target + "\n");
  }

  private int export(String name, Path target) {
    return run(
        "divergent",
        "export",
        "--data-dir",
        data.toString(),
        "--name",
        name,
        "--to",
        target.toString());
  }

  @Test
  void exportToADirectoryGivesTheTransactionsToo() throws Exception {
    Path target = Files.createDirectory(dir.resolve("out"));
    assertThat(export(set.id(), target)).as(err()).isZero();
    assertThat(target.resolve("app.db")).hasSameBinaryContentAs(dir.resolve("source.db"));
    assertThat(target.resolve("0000000000000001-0000000000000001.ltx")).exists();
    try (LtxInput input = LtxInput.ofPath(target, null).get(0).open()) {
      LtxVerifier.Result result = LtxVerifier.verify(input);
      assertThat(result.files()).isEqualTo(2);
      assertThat(result.post().value()).isEqualTo(set.checksum());
    }
  }

  @Test
  void aSetWithoutADatabaseSaysWhatCanBeHad() throws Exception {
    Files.delete(set.databaseFile());
    assertThat(export(set.id(), dir.resolve("back.db"))).isEqualTo(1);
    assertThat(err()).contains("no copy of the database").contains("--to DIR");
    Path target = Files.createDirectory(dir.resolve("out"));
    assertThat(export(set.id(), target)).isZero();
    assertThat(out()).contains("wrote 2 .ltx files").contains("no copy of the database");
  }

  @Test
  void severalSetsHaveToBeToldApart() throws Exception {
    try (Store store = Store.open(StoreOptions.defaults(data))) {
      store.drop("shop/app.db");
      store.becomeReplica();
      store.get("shop/app.db").setAside(2, "again");
    }
    assertThat(export("shop/app.db", dir.resolve("back.db"))).isEqualTo(2);
    assertThat(err()).contains(set.id()).contains("--name SET");
    assertThat(export("other.db", dir.resolve("back.db"))).isEqualTo(1);
    assertThat(err()).contains("Nothing of 'other.db' was set aside");
    assertThat(export(set.id(), dir.resolve("no/such/back.db"))).isEqualTo(1);
    assertThat(err()).contains("Cannot write").doesNotContain("Exception\n");
  }

  @Test
  void aRunningNodeTellsOfThem() throws Exception {
    FakeNode node = new FakeNode(data);
    NodeConfig.Http http = new NodeConfig.Http(new HostPort("127.0.0.1", 0), null, null, false);
    try (ApiServer server = ApiServer.start(http, node, ApiLimits.defaults())) {
      String url = "http://127.0.0.1:" + server.port();
      assertThat(run("status", "--url", url)).isZero();
      assertThat(out()).doesNotContain("WARNING");
      assertThat(metrics(url)).contains("\ntidemark_divergence_count 0\n");
      node.divergences = List.of(set);
      assertThat(metrics(url)).contains("\ntidemark_divergence_count 1\n");
      assertThat(run("status", "--url", url)).isZero();
      assertThat(out())
          .contains("WARNING   this node has transactions", "(sets: 1)")
          .contains("divergent ls");
      assertThat(run("status", "--json", "--url", url)).isZero();
      assertThat(out()).contains("\"divergences\":[{\"id\":\"" + set.id() + "\"");
      assertThat(run("divergent", "ls", "--url", url)).isZero();
      String fromNode = out();
      assertThat(run("divergent", "ls", "--data-dir", data.toString())).isZero();
      assertThat(fromNode).isEqualTo(out());
      Path target = dir.resolve("back.db");
      assertThat(
              run(
                  "divergent",
                  "export",
                  "--url",
                  url,
                  "--name",
                  "shop/app.db",
                  "--to",
                  target.toString()))
          .as(err())
          .isZero();
      assertThat(target).exists();
    }
  }

  private static String metrics(String url) throws Exception {
    return HttpClient.newHttpClient()
        .send(HttpRequest.newBuilder(URI.create(url + "/metrics")).build(), BodyHandlers.ofString())
        .body();
  }
}
