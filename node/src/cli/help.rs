//! Help texts in both languages: English stands at the arguments, Chinese in the table here.
//!
//! A test finds every command and argument without a Chinese text.

use super::Cli;
use clap::{Arg, Command, CommandFactory};
use linli_types::code::Lang;

const ZH_TEMPLATE: &str = "{about}\n\n用法：{usage}\n\n{all-args}";

/// `command` or `command:argument`, and its text. A bare `:argument` holds for all commands.
const ZH: &[(&str, &str)] = &[
    ("linli", "邻里链：社区服务联盟账本的节点与工具。"),
    (":lang", "提示语言：zh 或 en；缺省由 LANG 决定。"),
    (":json", "以 JSON 输出结果。"),
    (":help", "显示本帮助。"),
    (":version", "显示版本。"),
    (":node", "节点的 gRPC 地址：https:// 须配合 --ca，http:// 仅限节点本机。"),
    (":ca", "PEM 格式的签发机构证书，节点证书须由其签发。"),
    (":key", "用于签名的密钥文件。"),
    (":genesis", "创世文件；密钥文件未写明所属链时必填。"),
    (":passphrase_file", "密钥口令所在文件，- 表示标准输入；开发密钥无需口令。"),
    (":data", "节点的数据目录。"),
    ("init", "用创世文件和两把密钥建立节点的数据目录。"),
    ("init:genesis", "创世文件。"),
    ("init:data", "要建立的目录。"),
    ("init:validator_key", "验证节点的共识密钥；会复制到目录中。"),
    ("init:network_key", "验证节点的网络密钥；会复制到目录中。"),
    ("init:listen", "接受其他节点连接的地址。"),
    ("init:grpc", "gRPC 监听地址。"),
    ("init:http", "/healthz 与 /metrics 监听地址。"),
    ("init:peers", "其他节点：创世文件中的名称与地址，可多次给出。"),
    ("init:name", "创世文件之外、由议案新增的验证节点的名称；此后随其他节点同步。"),
    ("run", "运行节点，直到收到停止信号。"),
    ("status", "查询节点的当前状态。"),
    ("check-db", "在不启动节点的情况下检查其数据库，不写入任何内容。"),
    ("replay", "从创世重新执行全部区块并比对状态根，不写入任何内容。"),
    ("genesis", "查看创世文件。"),
    ("genesis show", "显示链编号、验证节点、主体与合约。"),
    ("genesis show:file", "创世文件。"),
    ("key", "生成与查看密钥。"),
    ("key new", "生成密钥并写入新文件。"),
    ("key new:file", "要写入的文件；绝不覆盖已有文件。"),
    ("key new:kind", "用途：validator、network 或 principal。"),
    ("key new:principal", "密钥属于哪个主体：十六进制或 PR- 编号。"),
    ("key new:chain", "所属链，十六进制。"),
    ("key new:development", "生成开发密钥，打开时无需口令。"),
    ("key show", "显示密钥文件的公开部分。"),
    ("key show:file", "密钥文件。"),
    ("call", "按接口定义调用任意模块的任意方法，并等待回执。"),
    ("call:room", "模块或合约。"),
    ("call:method", "方法。"),
    ("call:args", "JSON 参数；字节用十六进制或编号书写。"),
    ("query", "按接口定义查询模块，或读取账本条目。"),
    ("query:room", "模块或合约。"),
    ("query:query", "查询名；用 --entry 读取条目时省略。"),
    ("query:args", "JSON 参数；字节用十六进制或编号书写。"),
    ("query:entries", "条目的键，十六进制，可多次给出。"),
    ("query:proof", "把所读条目在最新高度的证明写入新文件。"),
    ("account", "查询余额与明细。"),
    ("account balance", "账户余额。"),
    ("account balance:account", "账户，十六进制或 AC- 编号。"),
    ("account balance:proof", "把余额的证明写入新文件，可用 linli verify 核验。"),
    ("account statement", "账户的全部明细，由远及近。"),
    ("account statement:account", "账户，十六进制或 AC- 编号。"),
    ("account statement:proof", "把完整明细的证明写入新文件，可用 linli verify 核验。"),
    ("contract", "合约代码：上传、查看与预演。"),
    ("contract stage", "检查合约模块并上传到账本，供议案按摘要引用。"),
    ("contract stage:file", "编译好的模块。"),
    ("contract show", "查看合约现行与历史代码。"),
    ("contract show:room", "合约。"),
    ("contract rehearsal", "查看各验证节点对某议案的预演报告。"),
    ("contract rehearsal:motion", "议案，十六进制或 MO- 编号。"),
    ("contract rehearse", "在已停止节点的数据上预演表决中的议案，不写入任何内容。"),
    ("contract rehearse:data", "节点数据目录。"),
    ("contract rehearse:motion", "议案，十六进制或 MO- 编号。"),
    ("motion", "理事会议案：提出、表决与查看。"),
    ("motion open", "提出议案。"),
    ("motion open:text", "议案内容与理由，至多 2 KiB；不得含个人信息。"),
    ("motion open:deed", "通过后由链执行的事项，按接口定义以 JSON 书写；省略时以文字为准。"),
    ("motion open:special", "须以三分之二特别多数通过，而非过半数。"),
    ("motion open:closes_in", "表决时长，如 90s、36h、7d。"),
    ("motion open:motion", "议案编号，32 位十六进制；重复提交同一议案时给出，否则随机生成。"),
    ("motion vote", "以本人席位表决，仅一次。"),
    ("motion vote:motion", "议案，十六进制或 MO- 编号。"),
    ("motion vote:yes", "yes 赞成，no 反对。"),
    ("motion recuse", "声明利害关系并回避：本席位不计入该议案。"),
    ("motion recuse:motion", "议案，十六进制或 MO- 编号。"),
    ("motion withdraw", "在表决期间撤回本人提出的议案。"),
    ("motion withdraw:motion", "议案，十六进制或 MO- 编号。"),
    ("motion decide", "某一界别无人可表决时，由区级裁定。"),
    ("motion decide:motion", "议案，十六进制或 MO- 编号。"),
    ("motion decide:yes", "yes 通过，no 否决。"),
    ("motion show", "查看议案、票数与状态。"),
    ("motion show:motion", "议案，十六进制或 MO- 编号。"),
    ("motion list", "按提出顺序列出议案。"),
    ("motion list:from", "起始编号。"),
    ("motion council", "查看各界别的权重与席位。"),
    ("access", "查看谁读取过谁的数据。"),
    ("access list", "列出所给各节点上他人对本人数据的每次读取，由远及近。"),
    ("access list:nodes", "节点的 gRPC 地址，可多次给出；各节点只记录自己的读取，请全部列出。"),
    ("evidence", "存证文件，以及管理已存证的内容。"),
    ("evidence anchor", "存证文件，每个文件写出一个证据包。"),
    ("evidence anchor:files", "要存证的文件。"),
    ("evidence anchor:out", "证据包目录：DIR/<文件名>.linli。"),
    ("evidence anchor:kind", "证据种类，如 FORM、PHOTO_SET；缺省按扩展名。"),
    ("evidence anchor:captured_at_ms", "采集时间（1970 年以来毫秒）；缺省取文件时间。"),
    ("evidence receipt", "查看交易回执，并可连同证明写出。"),
    ("evidence receipt:transaction", "交易编号，十六进制。"),
    ("evidence receipt:out", "把回执及证明写入新文件。"),
    ("evidence pack", "为中断的存证补写证据包。"),
    ("evidence pack:pending", "中断的存证留下的 .pending 文件。"),
    ("evidence trace", "查看某来源某序号下的存证。"),
    ("evidence trace:number", "序号。"),
    ("evidence trace:source", "来源；缺省为密钥所属主体。"),
    ("evidence gaps", "查看某来源的序号缺口。"),
    ("evidence gaps:source", "来源；缺省为密钥所属主体。"),
    ("verify", "离线核验证据包或证明：不连节点，不用网络。"),
    ("verify:pack", "证据包、回执或条目证明。"),
    ("verify:files", "证据包所证明的文件。"),
    ("verify:genesis", "创世文件：唯一被信任的依据。"),
];

/// The command line in a language.
pub(super) fn command(lang: Lang) -> Command {
    match lang {
        Lang::En => Cli::command(),
        Lang::Zh => dress(Cli::command(), ""),
    }
}

fn dress(command: Command, path: &str) -> Command {
    let mut command = command
        .help_template(ZH_TEMPLATE)
        .subcommand_help_heading("命令")
        .mut_args(|arg| dress_arg(arg, path));
    let name = if path.is_empty() { "linli" } else { path };
    if let Some(about) = find(name) {
        command = command.about(about).long_about(None::<&str>);
    }
    command.mut_subcommands(|sub| {
        let path = format!("{path} {}", sub.get_name());
        dress(sub, path.trim_start())
    })
}

fn dress_arg(arg: Arg, path: &str) -> Arg {
    let heading = if arg.is_positional() { "参数" } else { "选项" };
    let arg = arg.help_heading(heading);
    match words_of(&arg, path) {
        Some(text) => arg.help(text).long_help(None::<&str>),
        None => arg,
    }
}

fn words_of(arg: &Arg, path: &str) -> Option<&'static str> {
    let id = arg.get_id();
    find(&format!("{path}:{id}")).or_else(|| find(&format!(":{id}")))
}

fn find(name: &str) -> Option<&'static str> {
    ZH.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn walk(command: &Command, path: &str, visit: &mut dyn FnMut(&Command, &str)) {
        visit(command, path);
        for sub in command.get_subcommands() {
            walk(sub, format!("{path} {}", sub.get_name()).trim_start(), visit);
        }
    }

    #[test]
    fn every_command_and_argument_has_a_chinese_text() {
        let mut missing = Vec::new();
        walk(&Cli::command(), "", &mut |command, path| {
            if find(if path.is_empty() { "linli" } else { path }).is_none() {
                missing.push(path.to_owned());
            }
            for arg in command.get_arguments().filter(|arg| words_of(arg, path).is_none()) {
                missing.push(format!("{path}:{}", arg.get_id()));
            }
        });
        assert_eq!(missing, Vec::<String>::new());
    }

    #[test]
    fn no_chinese_text_is_left_over() {
        let mut known = BTreeSet::from([String::from("linli")]);
        walk(&Cli::command(), "", &mut |command, path| {
            known.insert(path.to_owned());
            for arg in command.get_arguments() {
                known.insert(format!("{path}:{}", arg.get_id()));
                known.insert(format!(":{}", arg.get_id()));
            }
        });
        let spare: Vec<&str> =
            ZH.iter().map(|(name, _)| *name).filter(|name| !known.contains(*name)).collect();
        assert_eq!(spare, Vec::<&str>::new());
    }

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
        command(Lang::Zh).debug_assert();
    }
}
