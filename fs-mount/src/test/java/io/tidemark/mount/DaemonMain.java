package io.tidemark.mount;

import io.tidemark.database.FaultPoint;
import io.tidemark.database.Store;
import io.tidemark.database.StoreOptions;
import io.tidemark.mount.fuse.MountOptions;
import java.nio.file.Path;

/**
 * A daemon of its own, to be killed: data directory, mount point, whether a guard watches, and the
 * fault point at which it dies, if any. It serves until its standard input ends.
 */
final class DaemonMain {
  private DaemonMain() {}

  public static void main(String[] args) throws Exception {
    Store store = Store.open(StoreOptions.defaults(Path.of(args[0])));
    MountOptions options =
        MountOptions.builder(Path.of(args[1])).guard(Boolean.parseBoolean(args[2])).build();
    TidemarkMount mount = TidemarkMount.mount(store, options);
    System.out.println("mounted");
    if (System.in.read() == 'f') {
      FaultPoint.arm(args[3], () -> Runtime.getRuntime().halt(137));
      System.out.println("armed");
    }
    while (System.in.read() >= 0) {
      // until the end
    }
    mount.unmount();
    store.close();
  }
}
