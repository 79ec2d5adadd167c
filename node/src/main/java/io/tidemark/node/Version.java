package io.tidemark.node;

/** The version of this program. */
public final class Version {
  private Version() {}

  /** As the build wrote it, or "development" when run from class files. */
  public static String text() {
    String version = Version.class.getPackage().getImplementationVersion();
    return version == null ? "development" : version;
  }
}
