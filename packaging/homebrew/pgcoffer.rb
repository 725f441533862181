# The Homebrew formula, but for version and checksums: packaging/package.sh --formula fills them in.
class Pgcoffer < Formula
  desc "Encrypted offsite backups of PostgreSQL into your own S3 bucket"
  homepage "https://github.com/pgcoffer/pgcoffer"
  version "@VERSION@"
  license any_of: ["MIT", "Apache-2.0"]

  depends_on "libpq"

  on_macos do
    on_arm do
      url "https://github.com/pgcoffer/pgcoffer/releases/download/v@VERSION@/pgcoffer-@VERSION@-aarch64-macos.tar.gz"
      sha256 "@SHA256:aarch64-macos@"
    end
    on_intel do
      url "https://github.com/pgcoffer/pgcoffer/releases/download/v@VERSION@/pgcoffer-@VERSION@-x86_64-macos.tar.gz"
      sha256 "@SHA256:x86_64-macos@"
    end
  end

  on_linux do
    on_arm do
      url "https://github.com/pgcoffer/pgcoffer/releases/download/v@VERSION@/pgcoffer-@VERSION@-aarch64-linux.tar.gz"
      sha256 "@SHA256:aarch64-linux@"
    end
    on_intel do
      url "https://github.com/pgcoffer/pgcoffer/releases/download/v@VERSION@/pgcoffer-@VERSION@-x86_64-linux.tar.gz"
      sha256 "@SHA256:x86_64-linux@"
    end
  end

  def install
    bin.install "pgcoffer"
    man1.install Dir["man/*.1"]
    bash_completion.install "completions/pgcoffer.bash" => "pgcoffer"
    zsh_completion.install "completions/_pgcoffer"
    fish_completion.install "completions/pgcoffer.fish"
  end

  def caveats
    <<~EOS
      libpq's pg_dump is the newest. For a server of an older major version install that version's own, for example
      postgresql@17: a dump by a newer one can be hard to restore into the older server.
    EOS
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/pgcoffer --version")
    assert_match "PGCOFFER-KEY-1", shell_output("#{bin}/pgcoffer keygen")
  end
end
