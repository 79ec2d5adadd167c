package io.tidemark.mount.fuse;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.UnaryOperator;

/** A pass-through mounted for one test; the name of its directory has a space on purpose. */
final class TestMount implements AutoCloseable {
  final Path backing;
  final Path root;
  final PassThroughFs fs;
  final FuseMount mount;

  TestMount(Path temp, MountOptions.Transport transport) throws IOException {
    this(temp, transport, options -> options);
  }

  TestMount(
      Path temp, MountOptions.Transport transport, UnaryOperator<MountOptions.Builder> settings)
      throws IOException {
    FuseSupport.require(transport);
    backing = Files.createDirectories(temp.resolve("backing"));
    root = temp.resolve("mount point");
    if (MountTable.at(root).isEmpty()) { // a dead mount cannot even be looked at
      Files.createDirectories(root);
    }
    fs = new PassThroughFs(backing);
    mount =
        FuseMount.mount(
            fs, settings.apply(MountOptions.builder(root).transport(transport)).build());
  }

  Path path(String name) {
    return root.resolve(name);
  }

  @Override
  public void close() throws MountException {
    try {
      mount.unmount();
    } catch (MountBusyException e) {
      mount.detach();
      mount.abort();
      throw e;
    }
  }
}
