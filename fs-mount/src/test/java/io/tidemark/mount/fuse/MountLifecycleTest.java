package io.tidemark.mount.fuse;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@Timeout(90)
class MountLifecycleTest {
  @TempDir Path temp;

  /** After a failed test: a mount that hangs would hang the removal of the directory, too. */
  @AfterEach
  void nothingStaysMounted() throws Exception {
    for (MountTable.Mount mount : MountTable.read()) {
      if (mount.isFuse() && Path.of(mount.mountPoint()).startsWith(temp.toAbsolutePath())) {
        FuseControl.abort(mount.minor());
        Mounter.ofThisProcess().detach(Path.of(mount.mountPoint()));
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void unmountingEndsTheConnectionAndTellsTheFileSystemOnce(MountOptions.Transport transport)
      throws Exception {
    TestMount m = new TestMount(temp, transport);
    assertThat(m.mount.isMounted()).isTrue();
    assertThat(MountTable.at(m.root).orElseThrow().type()).isEqualTo("fuse.tidemark");
    assertThat(Client.run("findmnt", "-n", "-o", "OPTIONS", "--mountpoint", m.root.toString()))
        .contains("nosuid", "nodev", "default_permissions");

    m.mount.unmount();

    assertThat(m.mount.isMounted()).isFalse();
    assertThat(MountTable.at(m.root)).isEmpty();
    m.mount.awaitStopped();
    m.mount.unmount(); // once more does no harm
    assertThat(m.fs.stops).hasValue(1);
  }

  @ParameterizedTest
  @EnumSource
  void unmountingByAnotherProgramIsNoticed(MountOptions.Transport transport) throws Exception {
    FuseSupport.requireRoot();
    TestMount m = new TestMount(temp, transport);
    Client.run("umount", m.root.toString());
    m.mount.awaitStopped();
    assertThat(m.fs.stops).hasValue(1);
    m.close();
  }

  @ParameterizedTest
  @EnumSource
  void aBusyMountNamesItsHolderAndGoesOn(MountOptions.Transport transport) throws Exception {
    try (TestMount m = new TestMount(temp, transport)) {
      Files.createDirectory(m.path("dir"));
      Process holder = new ProcessBuilder("sleep", "60").directory(m.path("dir").toFile()).start();
      try (Client client = new Client()) {
        Files.write(m.path("mapped"), new byte[4096]);
        client.ask("open", m.path("mapped"));
        client.ask("map", m.path("mapped"), 4096);
        client.ask("close", m.path("mapped"));

        MountBusyException busy = catchThrowableOfType(MountBusyException.class, m.mount::unmount);

        assertThat(busy.holders())
            .contains(
                new MountBusyException.Holder(
                    holder.pid(), "sleep", m.mount.mountPoint().resolve("dir").toString()))
            .anyMatch(h -> h.pid() == client.pid() && h.path().endsWith("/mapped"));
        assertThat(m.mount.isMounted()).isTrue();
        assertThat(Files.isDirectory(m.path("dir"))).isTrue();
      } finally {
        holder.destroyForcibly().waitFor();
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void aDetachedMountServesOpenFilesToTheLast(MountOptions.Transport transport) throws Exception {
    TestMount m = new TestMount(temp, transport);
    Files.writeString(m.path("f"), "x");
    try (Client client = new Client()) {
      client.ask("open", m.path("f"));
      m.mount.detach();
      assertThat(MountTable.at(m.root)).isEmpty();
      assertThat(client.ask("write", m.path("f"), 0, 65)).isEqualTo("ok");
      assertThat(m.mount.isMounted()).isTrue();
    }
    m.mount.awaitStopped();
    assertThat(Files.readString(m.backing.resolve("f"))).isEqualTo("A");
  }

  @ParameterizedTest
  @EnumSource
  void abortFreesAClientThatWaitsForAnAnswerThatNeverComes(MountOptions.Transport transport)
      throws Exception {
    ExecutorService clients = Executors.newSingleThreadExecutor();
    TestMount m = new TestMount(temp, transport);
    LinkedBlockingQueue<FuseRequest> unanswered = new LinkedBlockingQueue<>();
    m.fs.hook =
        (request, operation, name) ->
            operation.equals("open") && name.equals("f") && unanswered.add(request);
    Files.writeString(m.backing.resolve("f"), "x");
    Future<String> client = clients.submit(() -> Files.readString(m.path("f")));
    FuseRequest request = unanswered.poll(10, TimeUnit.SECONDS);

    FuseControl.abort(m.mount.connectionId());

    assertThatThrownBy(() -> client.get(10, TimeUnit.SECONDS))
        .hasCauseInstanceOf(IOException.class);
    request.error(Errno.EIO); // late; the kernel no longer knows it
    m.mount.awaitStopped();
    m.mount.unmount();
    assertThat(MountTable.at(m.root)).isEmpty();
    clients.shutdownNow();
  }

  @ParameterizedTest
  @EnumSource
  void aFullDirectoryAMissingOneAndAFileAreRefusedWithTheReason(MountOptions.Transport transport)
      throws IOException {
    FuseSupport.require(transport);
    Path full = Files.createDirectories(temp.resolve("full"));
    Files.writeString(full.resolve("stray.db"), "x");
    Path file = Files.writeString(temp.resolve("file"), "x");

    assertThatThrownBy(() -> mount(full, transport))
        .isInstanceOf(MountException.class)
        .hasMessageContainingAll("not empty", "stray.db", "move them away");
    assertThatThrownBy(() -> mount(temp.resolve("missing"), transport))
        .isInstanceOf(MountException.class)
        .hasMessageContainingAll("does not exist", "mkdir");
    assertThatThrownBy(() -> mount(file, transport))
        .isInstanceOf(MountException.class)
        .hasMessageContaining("not a directory");
    assertThat(MountTable.at(full)).isEmpty();
  }

  @ParameterizedTest
  @EnumSource
  void whatAProgramMadeBesideADatabaseThatWentWithTheMountDoesNotKeepItFromComingBack(
      MountOptions.Transport transport) throws IOException {
    FuseSupport.require(transport);
    Path below = Files.createDirectories(temp.resolve("below"));
    Files.writeString(below.resolve("app.db-shm"), "x");
    Files.writeString(below.resolve("app.db-wal"), "");
    mount(below, transport).unmount();
    assertThat(below).isEmptyDirectory();
  }

  @ParameterizedTest
  @EnumSource
  void filesBelowThatMayHaveSomethingStay(MountOptions.Transport transport) throws IOException {
    FuseSupport.require(transport);
    Path below = Files.createDirectories(temp.resolve("below"));
    Path wal = Files.writeString(below.resolve("app.db-wal"), "x");
    assertThatThrownBy(() -> mount(below, transport)).hasMessageContaining("app.db-wal");
    assertThat(wal).hasContent("x");
    Files.delete(wal);

    Files.writeString(below.resolve("app.db"), "x");
    Path shm = Files.writeString(below.resolve("app.db-shm"), "x");
    assertThatThrownBy(() -> mount(below, transport)).hasMessageContaining("not empty");
    assertThat(shm).hasContent("x");
  }

  private FuseMount mount(Path at, MountOptions.Transport transport) throws MountException {
    return FuseMount.mount(
        new PassThroughFs(temp), MountOptions.builder(at).transport(transport).build());
  }

  @ParameterizedTest
  @EnumSource
  void aLiveMountIsNotMountedOver(MountOptions.Transport transport) throws IOException {
    try (TestMount m = new TestMount(temp, transport)) {
      assertThatThrownBy(() -> mount(m.root, transport))
          .isInstanceOf(MountException.class)
          .hasMessageContainingAll("already a mount", "fuse.tidemark");
      assertThatThrownBy(() -> mount(Path.of("/proc"), transport))
          .isInstanceOf(MountException.class)
          .hasMessageContainingAll("already a mount", "proc");
      assertThat(m.mount.isMounted()).isTrue();
    }
  }

  @ParameterizedTest
  @EnumSource
  void theDeadMountOfAKilledDaemonIsReplaced(MountOptions.Transport transport) throws Exception {
    FuseSupport.require(transport);
    Path backing = Files.createDirectories(temp.resolve("backing"));
    Path root = Files.createDirectories(temp.resolve("mount point"));
    Process daemon = daemon(backing, root, "transport=" + transport, "guard=false");
    daemon.destroyForcibly().waitFor();
    assertThat(MountTable.at(root)).isPresent();

    try (TestMount m = new TestMount(temp, transport)) {
      Files.writeString(m.path("f"), "x");
      assertThat(Files.readString(m.path("f"))).isEqualTo("x");
    }
    assertThat(MountTable.at(root)).isEmpty();
  }

  /** Starts {@link MountMain} and waits until it has mounted. */
  private static Process daemon(Path backing, Path root, String... options) throws IOException {
    String[] arguments = new String[options.length + 2];
    arguments[0] = backing.toString();
    arguments[1] = root.toString();
    System.arraycopy(options, 0, arguments, 2, options.length);
    Process daemon =
        Client.java(MountMain.class, arguments)
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    assertThat(daemon.inputReader().readLine()).startsWith("mounted");
    return daemon;
  }

  @ParameterizedTest
  @EnumSource
  void theGuardFreesADaemonThatWasKilledWhileItWaitedForItself(MountOptions.Transport transport)
      throws Exception {
    FuseSupport.require(transport);
    Path backing = Files.createDirectories(temp.resolve("backing"));
    Path root = Files.createDirectories(temp.resolve("mount point"));
    Process daemon = daemon(backing, root, "transport=" + transport, "waitsForItself=true");
    ProcessHandle guard = daemon.children().findFirst().orElseThrow();

    daemon.destroyForcibly();

    assertThat(daemon.waitFor(10, TimeUnit.SECONDS)).as("the process can die").isTrue();
    guard.onExit().get(10, TimeUnit.SECONDS);
    assertThat(MountTable.at(root)).isEmpty();
    assertThat(Files.list(root)).isEmpty();
  }

  @ParameterizedTest
  @EnumSource
  void theGuardSurvivesTheSignalsOfATerminalAndEndsWithTheMount(MountOptions.Transport transport)
      throws Exception {
    FuseSupport.require(transport);
    Path backing = Files.createDirectories(temp.resolve("backing"));
    Path root = Files.createDirectories(temp.resolve("mount point"));
    Process daemon = daemon(backing, root, "transport=" + transport);
    ProcessHandle guard = daemon.children().findFirst().orElseThrow();
    for (String signal : new String[] {"INT", "TERM", "HUP", "QUIT", "USR2"}) {
      Client.run("kill", "-" + signal, Long.toString(guard.pid()));
    }
    Thread.sleep(300);
    assertThat(guard.isAlive()).isTrue();
    assertThat(MountTable.at(root)).isPresent();

    daemon.outputWriter().close();

    assertThat(daemon.waitFor()).isZero();
    guard.onExit().get(10, TimeUnit.SECONDS);
    assertThat(MountTable.at(root)).isEmpty();
  }

  @Test
  void aMountOfTheKernelTransportAnswersRequestsItDoesNotKnow() throws Exception {
    try (TestMount m = new TestMount(temp, MountOptions.Transport.KERNEL)) {
      Files.writeString(m.path("a"), "abc");
      // copy_file_range, lseek(SEEK_DATA), extended attributes, sync of the file system
      Client.run("cp", "--sparse=always", m.path("a").toString(), m.path("b").toString());
      Client.run("sync", "-f", m.path("b").toString());
      Files.getFileAttributeView(
          m.path("a"), java.nio.file.attribute.UserDefinedFileAttributeView.class);
      assertThat(Files.readString(m.path("b"))).isEqualTo("abc");
      assertThat(m.mount.requestCounts()).doesNotContainKey("SETLK").doesNotContainKey("ACCESS");
    }
  }
}
