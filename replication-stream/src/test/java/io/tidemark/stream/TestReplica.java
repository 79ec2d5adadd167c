package io.tidemark.stream;

import io.tidemark.database.Database;
import io.tidemark.database.FaultyDisk;
import io.tidemark.database.MainFile;
import io.tidemark.database.Store;
import io.tidemark.database.StoreOptions;
import io.tidemark.stream.receive.FollowGate;
import io.tidemark.stream.receive.FollowOptions;
import io.tidemark.stream.receive.PrimaryAddress;
import io.tidemark.stream.receive.PrimaryFollower;
import io.tidemark.stream.receive.ReplicaIdentity;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;

/** A replica that can be killed and started again. */
final class TestReplica implements AutoCloseable {
  private final Path root;
  private final FaultyDisk disk;
  private final Id nodeId;
  final List<Standing> standings = new CopyOnWriteArrayList<>();
  final List<Long> handoffs = new CopyOnWriteArrayList<>();
  final List<Welcome> greetings = new CopyOnWriteArrayList<>();

  /** The tokens that it draws, in order; it asks for no more admissions than that. */
  final List<Id> tokens = new CopyOnWriteArrayList<>();

  /** First wait between two connections. */
  Duration retry = Duration.ofMillis(50);

  Store store;
  private PrimaryFollower follower;

  TestReplica(Path directory) throws IOException {
    root = directory.resolve("data");
    disk = new FaultyDisk(root, directory.resolve("graves"));
    openStore();
    nodeId = Id.parse(store.nodeId());
  }

  private void openStore() throws IOException {
    disk.opening(true);
    store = Store.open(new StoreOptions(root, true, Duration.ZERO, 0, false), disk, new Random(9));
    disk.opening(false);
  }

  TestReplica follow(PrimaryAddress address) {
    follower =
        new PrimaryFollower(
            store,
            () ->
                new ReplicaIdentity(
                    nodeId, Id.parse(store.incarnation()), new Id(88), new Id(5), 1, ""),
            new FollowOptions(Duration.ofSeconds(5), retry, retry.multipliedBy(2), 64 << 20),
            new FollowGate() {
              @Override
              public Refusal judge(Welcome from) {
                greetings.add(from);
                return null;
              }

              @Override
              public Id admission() {
                return tokens.isEmpty() ? Id.NONE : tokens.remove(0);
              }

              @Override
              public void standing(Standing now) {
                standings.add(now);
              }

              @Override
              public void handoff(long recordVersion) {
                handoffs.add(recordVersion);
              }
            },
            from -> {},
            new Random(3));
    follower.start();
    follower.follow(address, null);
    return this;
  }

  void stopFollowing() {
    if (follower != null) {
      follower.close();
      follower = null;
    }
  }

  /** The process is killed, and another one begins on its files. */
  TestReplica restart() throws IOException {
    disk.die();
    stopFollowing();
    try {
      store.close();
    } catch (IOException | RuntimeException | Error e) {
      // nothing else is possible on a dead disk
    }
    disk.revive();
    openStore();
    return this;
  }

  Database database() {
    return store.get(TestPrimary.NAME);
  }

  long appended() {
    return database() == null ? 0 : database().appended().txid();
  }

  long shown() {
    return database() == null ? 0 : database().position().txid();
  }

  byte[] image() throws IOException {
    MainFile main = database().mainFile();
    ByteBuffer all = ByteBuffer.allocate((int) main.size());
    database().read(main, all, 0);
    return all.array();
  }

  @Override
  public void close() throws IOException {
    stopFollowing();
    store.close();
  }
}
