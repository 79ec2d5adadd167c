package io.tidemark.mount.fuse;

import java.nio.file.Path;
import java.util.List;
import java.util.Objects;

/**
 * How to mount. Always in force, and therefore no option: {@code default_permissions}, {@code
 * nosuid}, {@code nodev}, and writes of up to {@link #MAX_WRITE} bytes on the kernel transport.
 *
 * @param allowOther other users may use the mount; for a mount made without root this needs {@code
 *     user_allow_other} in /etc/fuse.conf
 * @param fsName the "device" that mount(8) shows
 * @param leaders threads that read requests at the same time; 0 = choose from the machine
 * @param spinMicros how long a reader polls for the next request before it sleeps, in microseconds;
 *     0 = never, -1 = choose. It spins only while requests keep arriving.
 * @param cpuAffinity CPUs the request threads may run on; empty = all
 * @param shareCpu let the reader of a lone client work on that client's CPU, where that is possible
 * @param guard start the guard process that removes the mount when this process dies
 * @param logRequests log each request at debug level
 */
public record MountOptions(
    Path mountPoint,
    Transport transport,
    boolean allowOther,
    String fsName,
    int leaders,
    int spinMicros,
    List<Integer> cpuAffinity,
    boolean shareCpu,
    boolean guard,
    boolean logRequests) {

  /** Largest payload of one WRITE or READ in bytes: 256 pages, the most the kernel takes. */
  public static final int MAX_WRITE = 1 << 20;

  /** Who speaks with the kernel. */
  public enum Transport {
    /** This package itself, on /dev/fuse. */
    KERNEL,
    /** libfuse 2 through jnr-fuse. */
    LIBFUSE
  }

  public MountOptions {
    Objects.requireNonNull(mountPoint);
    Objects.requireNonNull(transport);
    cpuAffinity = List.copyOf(cpuAffinity);
    if (!fsName.matches("[A-Za-z0-9._:/@-]+")) {
      // The name becomes part of a comma-separated option string.
      throw new IllegalArgumentException("not usable as the name of a file system: " + fsName);
    }
    if (leaders < 0 || leaders > 16) {
      throw new IllegalArgumentException("leaders must be 0 to 16, not " + leaders);
    }
    if (spinMicros < -1 || spinMicros > 1000) {
      throw new IllegalArgumentException("spinMicros must be -1 to 1000, not " + spinMicros);
    }
    for (int cpu : cpuAffinity) {
      if (cpu < 0 || cpu >= 1024) {
        throw new IllegalArgumentException("no such CPU: " + cpu);
      }
    }
  }

  public static Builder builder(Path mountPoint) {
    return new Builder(mountPoint);
  }

  /** Collects options; what is not set has its default. */
  public static final class Builder {
    private final Path mountPoint;
    private Transport transport = Transport.KERNEL;
    private boolean allowOther;
    private String fsName = "tidemark";
    private int leaders;
    private int spinMicros = -1;
    private List<Integer> cpuAffinity = List.of();
    private boolean shareCpu = true;
    private boolean guard = true;
    private boolean logRequests;

    private Builder(Path mountPoint) {
      this.mountPoint = mountPoint;
    }

    public Builder transport(Transport value) {
      transport = value;
      return this;
    }

    public Builder allowOther(boolean value) {
      allowOther = value;
      return this;
    }

    public Builder fsName(String value) {
      fsName = value;
      return this;
    }

    public Builder leaders(int value) {
      leaders = value;
      return this;
    }

    public Builder spinMicros(int value) {
      spinMicros = value;
      return this;
    }

    public Builder cpuAffinity(List<Integer> value) {
      cpuAffinity = value;
      return this;
    }

    public Builder shareCpu(boolean value) {
      shareCpu = value;
      return this;
    }

    public Builder guard(boolean value) {
      guard = value;
      return this;
    }

    public Builder logRequests(boolean value) {
      logRequests = value;
      return this;
    }

    public MountOptions build() {
      return new MountOptions(
          mountPoint,
          transport,
          allowOther,
          fsName,
          leaders,
          spinMicros,
          cpuAffinity,
          shareCpu,
          guard,
          logRequests);
    }
  }
}
