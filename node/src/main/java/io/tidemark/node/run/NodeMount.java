package io.tidemark.node.run;

import io.tidemark.database.Store;
import io.tidemark.mount.ClusterView;
import io.tidemark.mount.TidemarkMount;
import io.tidemark.mount.fuse.MountOptions;
import io.tidemark.mount.fuse.MountOptions.Transport;
import io.tidemark.node.config.NodeConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.util.Locale;
import java.util.Map;

/** The mount as the node needs it. */
interface NodeMount {
  boolean isMounted();

  /**
   * Removes the mount.
   *
   * @throws io.tidemark.mount.fuse.MountBusyException when files are open; the mount is still there
   */
  void unmount() throws IOException;

  /** Removes the mount from the tree although files are open; those stop working. */
  void detach();

  Map<String, Long> requestCounts();

  /** Makes mounts. */
  interface Mounter {
    NodeMount mount(Store store, NodeConfig.Fuse config, boolean logRequests, ClusterView cluster)
        throws IOException;
  }

  /** A real mount, of a directory that is created if missing. */
  static NodeMount fuse(
      Store store, NodeConfig.Fuse config, boolean logRequests, ClusterView cluster)
      throws IOException {
    createDirectory(config);
    TidemarkMount mount = TidemarkMount.mount(store, options(config, logRequests), cluster);
    return new NodeMount() {
      @Override
      public boolean isMounted() {
        return mount.isMounted();
      }

      @Override
      public void unmount() throws IOException {
        mount.unmount();
      }

      @Override
      public void detach() {
        mount.detach();
      }

      @Override
      public Map<String, Long> requestCounts() {
        return mount.requestCounts();
      }
    };
  }

  /** What the configuration says, in the terms of the mount. */
  static MountOptions options(NodeConfig.Fuse config, boolean logRequests) {
    return MountOptions.builder(config.dir())
        .transport(Transport.valueOf(config.transport().toUpperCase(Locale.ROOT)))
        .allowOther(config.allowOther())
        .leaders(config.readers())
        .spinMicros(config.spin() == null ? -1 : (int) (config.spin().toNanos() / 1000))
        .cpuAffinity(config.cpuAffinity())
        .shareCpu(config.shareCpu())
        .logRequests(logRequests)
        .build();
  }

  private static void createDirectory(NodeConfig.Fuse config) throws IOException {
    // A dead mount of a killed node exists but cannot be looked at: leave it to the mount code.
    if (!Files.exists(config.dir()) && Files.notExists(config.dir())) {
      try {
        Files.createDirectories(config.dir());
      } catch (IOException e) {
        throw new IOException(
            "Cannot create the mount directory "
                + config.dir()
                + ": "
                + e.getMessage()
                + ". Create it, or choose another with --fuse-dir.",
            e);
      }
    }
  }
}
