package io.tidemark.mount;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The files that tell programs of the primary, as users of LiteFS know them. */
@Timeout(60)
class ClusterFilesTest {
  @RegisterExtension final MountedStore mounted = new MountedStore();

  private record Replica(String primaryHostname, long lagMillis) implements ClusterView {}

  private Client client() {
    Client client = mounted.python();
    client.run("root = '" + mounted.path("") + "'");
    client.run("def read(name): return open(root + '/' + name).read()");
    return client;
  }

  @Test
  void aPrimaryHasNoPrimaryFileAndNoLag() {
    Client client = client();
    assertThat(client.ask("read('.primary')")).startsWith("!FileNotFoundError");
    assertThat(client.run("read('.lag')")).isEqualTo("+000000000\n");
    assertThat(client.run("os.listdir(root)")).isEqualTo("[]");
  }

  @Test
  void changesAreSeenAtOnceByNewAndByOpenDescriptors() {
    Client client = client();
    assertThat(client.ask("read('.primary')")).startsWith("!FileNotFoundError");
    mounted.cluster = new Replica("one", 1234);
    assertThat(client.run("read('.primary')")).isEqualTo("one\n");
    assertThat(client.run("read('.lag')")).isEqualTo("+000001234\n");
    client.run("fd = os.open(root + '/.primary', os.O_RDONLY)");
    mounted.cluster = new Replica("another", 5);
    assertThat(client.run("os.pread(fd, 100, 0).decode()")).isEqualTo("another\n");
    assertThat(client.run("os.stat(root + '/.primary').st_size")).isEqualTo("8");
    assertThat(client.run("read('.primary')")).isEqualTo("another\n");
    mounted.cluster = ClusterView.ALONE;
    assertThat(client.ask("read('.primary')")).startsWith("!FileNotFoundError");
    assertThat(client.run("os.pread(fd, 100, 0)")).isEqualTo("b''");
  }

  @Test
  void programsCanNeitherMakeNorChangeNorDeleteThem() {
    mounted.cluster = new Replica("one", 0);
    Client client = client();
    for (String name : new String[] {".primary", ".lag"}) {
      assertThat(client.ask("open(root + '/" + name + "', 'w')")).startsWith("!PermissionError");
      assertThat(client.ask("os.unlink(root + '/" + name + "')")).startsWith("!PermissionError");
    }
    mounted.cluster = ClusterView.ALONE;
    assertThat(client.ask("open(root + '/.primary', 'w')")).startsWith("!PermissionError");
  }

  @Test
  void belowTheRootTheyAreNamesAsOthers() {
    Client client = client();
    client.run("os.mkdir(root + '/dir')");
    client.run("open(root + '/dir/.primary', 'w').write('mine')");
    assertThat(client.run("read('dir/.primary')")).isEqualTo("mine");
  }

  @ParameterizedTest
  @CsvSource({"0, +000000000", "7, +000000007", "999999999, +999999999", "3000000000, +2147483647"})
  void lagHasASignAndNineDigits(long millis, String text) {
    assertThat(ClusterFiles.lag(millis)).isEqualTo(text + "\n");
  }
}
