package io.tidemark.mount.fuse;

import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;

/** The mount cannot be removed because processes still use it. */
public final class MountBusyException extends MountException {
  private final transient List<Holder> holders;

  /**
   * A process that keeps the mount busy.
   *
   * @param path what it holds: an open or mapped file, or its working directory
   */
  public record Holder(long pid, String command, String path) {
    @Override
    public String toString() {
      return command + " (pid " + pid + ") holds " + path;
    }
  }

  MountBusyException(Path mountPoint, List<Holder> holders) {
    super(
        mountPoint
            + " is busy: "
            + (holders.isEmpty()
                ? "no holder is visible to this user; it may run under another user or in another"
                    + " mount namespace"
                : holders.stream().map(Holder::toString).collect(Collectors.joining("; ")))
            + ". End these processes and unmount again, or detach the mount lazily.");
    this.holders = List.copyOf(holders);
  }

  /** One entry per process and path; empty when the scan could not see the holder. */
  public List<Holder> holders() {
    return holders;
  }
}
