package io.tidemark.mount;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.database.Database;
import io.tidemark.database.DatabaseNames;
import io.tidemark.database.DatabasePosition;
import io.tidemark.database.FileTree;
import io.tidemark.database.LogReader;
import io.tidemark.database.Store;
import io.tidemark.database.StoreOptions;
import io.tidemark.mount.fuse.MountOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.opentest4j.TestAbortedException;

/**
 * A store on one temporary directory, mounted on another, for one test. When the test has passed,
 * every database must be sound for SQLite, and its log, folded from nothing, must equal its file
 * byte for byte. A failed test leaves its files and says where; whatever it left hanging is ended.
 *
 * <p>Programs that use the mount are other processes: this JVM is the daemon and must never wait
 * for itself.
 */
final class MountedStore implements BeforeEachCallback, AfterEachCallback {
  /** -Dtidemark.test.transport=LIBFUSE runs all of this on the other transport. */
  private static final MountOptions.Transport TRANSPORT =
      MountOptions.Transport.valueOf(System.getProperty("tidemark.test.transport", "KERNEL"));

  final SwitchableAuthority authority = new SwitchableAuthority();
  final FaultyDisk disk = new FaultyDisk();

  /** What the mount says of other nodes. */
  volatile ClusterView cluster = ClusterView.ALONE;

  private final List<Client> clients = new ArrayList<>();
  private Path temp;
  private Path dataDir;
  private Path mountPoint;
  private Store store;
  private TidemarkMount mount;

  @Override
  public void beforeEach(ExtensionContext context) throws IOException {
    requireMounts();
    temp = Files.createTempDirectory("hazard");
    dataDir = temp.resolve("data");
    mountPoint = Files.createDirectory(temp.resolve("mount"));
    start();
  }

  static void requireMounts() {
    Shell.require(Files.exists(Path.of("/dev/fuse")), "/dev/fuse is missing");
    Shell.require("root".equals(System.getProperty("user.name")), "not root");
    Shell.require("python3");
    Shell.require("sqlite3");
  }

  private void start() throws IOException {
    store = Store.open(StoreOptions.defaults(dataDir), disk, new SecureRandom());
    store.authority(authority);
    MountOptions options =
        MountOptions.builder(mountPoint).transport(TRANSPORT).guard(false).build();
    mount = TidemarkMount.mount(store, options, new CurrentCluster());
  }

  private final class CurrentCluster implements ClusterView {
    @Override
    public String primaryHostname() {
      return cluster.primaryHostname();
    }

    @Override
    public long lagMillis() {
      return cluster.lagMillis();
    }
  }

  /** Unmounts, ends the store in good order and begins anew. */
  void restart() throws IOException {
    mount.unmount();
    store.close();
    start();
  }

  Store store() {
    return store;
  }

  Path dataDir() {
    return dataDir;
  }

  Path mountPoint() {
    return mountPoint;
  }

  /** A directory beside the mount, on the ordinary disk. */
  Path outside() {
    return temp;
  }

  /** A name on the mount. */
  Path path(String name) {
    return mountPoint.resolve(name);
  }

  /** WRITE requests so far. */
  long writeRequests() {
    return mount.requestCounts().getOrDefault("WRITE", 0L);
  }

  Database database(String name) {
    return store.get(name);
  }

  DatabasePosition position(String name) {
    return store.get(name).position();
  }

  /** Number of the last transaction, 0 if there was none. */
  long txid(String name) {
    Database database = store.get(name);
    return database == null ? 0 : database.position().txid();
  }

  /** The committed bytes as they stand on the disk below. */
  byte[] fileBelow(String name) throws IOException {
    return Files.readAllBytes(
        dataDir.resolve("dbs").resolve(DatabaseNames.encode(name)).resolve("database"));
  }

  /** Python, ended with the test. */
  Client python() {
    return add(Client.python());
  }

  /** Python with connection {@code c} to a database. */
  Client python(String name) {
    return python().open(path(name));
  }

  Client straced(String calls, String injection) {
    return add(Client.straced(calls, injection));
  }

  Client jdbc(String name) {
    return add(Client.jdbc(path(name)));
  }

  private Client add(Client client) {
    clients.add(client);
    return client;
  }

  @Override
  public void afterEach(ExtensionContext context) throws Exception {
    if (mount == null) {
      return;
    }
    boolean passed =
        context.getExecutionException().map(TestAbortedException.class::isInstance).orElse(true);
    disk.heal();
    authority.grant();
    try {
      if (passed) {
        clients.forEach(Client::close);
        checkAll();
      }
    } catch (Throwable e) {
      passed = false;
      throw e;
    } finally {
      if (!passed) {
        end();
        System.err.println(context.getDisplayName() + " failed; its data directory is " + dataDir);
      }
    }
    FileTree.delete(temp);
  }

  private void checkAll() throws IOException {
    for (Database database : store.databases()) {
      assertThat(database.failure()).as("%s", database.name()).isNull();
      assertThat(Shell.sqlite(path(database.name()), "pragma integrity_check"))
          .as("integrity of %s", database.name())
          .isEqualTo("ok");
    }
    mount.unmount();
    store.close();
    checkLogs(dataDir);
  }

  /** Each log, folded from nothing, is the database file. The store must be closed. */
  static void checkLogs(Path dataDir) throws IOException {
    for (String name : LogReader.databaseNames(dataDir)) {
      Path file = dataDir.resolve("dbs").resolve(DatabaseNames.encode(name)).resolve("database");
      byte[] bytes = Files.exists(file) ? Files.readAllBytes(file) : new byte[0];
      byte[] folded = LogFold.of(dataDir, name).image();
      assertThat(folded.length).as("size of the folded log of %s", name).isEqualTo(bytes.length);
      assertThat(Arrays.mismatch(folded, bytes))
          .as("first byte of %s where log and file differ", name)
          .isEqualTo(-1);
    }
  }

  private void end() {
    clients.forEach(Client::kill);
    try {
      if (mount.isMounted()) {
        mount.abort();
      }
    } catch (IOException e) {
      System.err.println("aborting " + mountPoint + ": " + e);
    }
    Shell.run("umount", "-l", mountPoint);
    try {
      store.close();
    } catch (IOException | RuntimeException e) {
      System.err.println("closing the store: " + e);
    }
  }
}
