//! The codes of the accounts.

macro_rules! account_codes {
    ($($given:tt)*) => {
        rule_codes! {
            $($given)*

            /// Business id used before with the same content.
            Duplicate = 2001 "DUPLICATE" Receipt
                zh: "该业务号已办理过" => "无需重办，请查询原回执"
                en: "this deed was done before" => "do not repeat it; read the first receipt";
            /// Business id used before with other content.
            BusinessIdConflict = 2002 "BUSINESS_ID_CONFLICT" Receipt
                zh: "该业务号已用于另一内容" => "请核对；新业务请用新业务号"
                en: "this business id was used for something else" => "check it; use a new id for a new deed";
            /// Not the owner.
            Unauthorised = 2003 "UNAUTHORISED" Receipt
                zh: "主体无权动用账户 {0}" => "请由账户所有人办理"
                en: "the sender may not use account {0}" => "the account's owner must do this";
            /// No such account.
            NoAccount = 2004 "NO_ACCOUNT" Receipt
                zh: "没有账户 {0}" => "请核对账户编号"
                en: "there is no account {0}" => "check the account";
            /// Not enough.
            Insufficient = 2005 "INSUFFICIENT" Receipt
                zh: "余额 {0}，不足 {1}" => "请减少金额或先充值"
                en: "the balance {0} does not cover {1}" => "ask for less or fund the account first";
            /// The count would not fit.
            Overflow = 2006 "OVERFLOW" Receipt
                zh: "数额超出账本可记范围" => "请拆分后办理"
                en: "the amount does not fit the ledger" => "split it";
            /// From and to are one.
            SameAccount = 2007 "SAME_ACCOUNT" Receipt
                zh: "转出与转入是同一账户" => "请核对账户"
                en: "debit and credit are the same account" => "check the accounts";
            /// Nothing to move.
            ZeroAmount = 2008 "ZERO_AMOUNT" Receipt
                zh: "数额为零" => "请填写大于零的数额"
                en: "the amount is zero" => "give an amount above zero";
            /// Two assets.
            AssetMismatch = 2009 "ASSET_MISMATCH" Receipt
                zh: "两个账户的资产不同（{0} 与 {1}）" => "请选择同一资产的账户"
                en: "the accounts hold different assets ({0} and {1})" => "choose accounts of one asset";
            /// No row of the closed table allows it (INV-L9).
            RuleDenied = 2010 "RULE_DENIED" Receipt
                zh: "规则不允许此业务" => "请核对业务类型"
                en: "the rules do not allow this" => "check the kind of business";
            /// No such asset.
            UnknownAsset = 2011 "UNKNOWN_ASSET" Receipt
                zh: "账本上没有资产 {0}" => "请核对资产编号"
                en: "the books have no asset {0}" => "check the asset's number";
            /// No such kind, or one that nobody opens.
            BadAccountKind = 2012 "BAD_ACCOUNT_KIND" Receipt
                zh: "不能开立种类为 {0} 的账户" => "请核对账户种类"
                en: "no account of kind {0} can be opened" => "check the kind of account";
            /// Flags that are unknown or contradict each other.
            BadAccountFlags = 2013 "BAD_ACCOUNT_FLAGS" Receipt
                zh: "账户标志 {0} 不可用" => "请核对账户标志"
                en: "the account flags {0} cannot stand" => "check the flags";
            /// The account is closed.
            AccountClosed = 2014 "ACCOUNT_CLOSED" Receipt
                zh: "账户 {0} 已销户" => "请改用其他账户"
                en: "account {0} is closed" => "use another account";
            /// The account is frozen this way.
            AccountFrozen = 2015 "ACCOUNT_FROZEN" Receipt
                zh: "账户 {0} 已被依法冻结" => "请向作出冻结决定的机关查询"
                en: "account {0} is frozen by order" => "ask the authority that ordered it";
            /// The account holds or awaits something.
            AccountNotEmpty = 2016 "ACCOUNT_NOT_EMPTY" Receipt
                zh: "账户 {0} 仍有余额或在途金额" => "请先结清余额和在途业务"
                en: "account {0} still holds or awaits something" => "settle the balance and what is pending first";
            /// Nothing may come in.
            NoIn = 2017 "NO_IN" Receipt
                zh: "账户 {0} 不接受转入" => "请选择其他收款账户"
                en: "account {0} takes nothing in" => "choose another account";
            /// Nothing may go out.
            NoOut = 2018 "NO_OUT" Receipt
                zh: "账户 {0} 不允许转出" => "请选择其他付款账户"
                en: "account {0} lets nothing out" => "choose another account";
            /// What it holds cannot change hands.
            Soulbound = 2019 "SOULBOUND" Receipt
                zh: "账户 {0} 的余额不可转让" => "只能由发行方发放或收回"
                en: "what account {0} holds cannot change hands" => "only its issuer may grant it or take it back";
            /// It would hold too much.
            MaxBalance = 2020 "MAX_BALANCE" Receipt
                zh: "收款后将超过账户上限 {0}" => "请减少数额，或转入公益池"
                en: "the account would hold more than its bound {0}" => "move less, or give the rest to the pool";
            /// No such pending transfer.
            NoPending = 2021 "NO_PENDING" Receipt
                zh: "没有在途业务 {0}" => "请核对业务号"
                en: "there is no pending transfer {0}" => "check the id";
            /// It was posted, given up or expired.
            PendingResolved = 2022 "PENDING_RESOLVED" Receipt
                zh: "在途业务 {0} 已入账、撤销或过期" => "请查询账户明细；需要时重新预留"
                en: "pending transfer {0} was posted, given up or has expired" => "read the statement; reserve again if needed";
            /// Its time has passed.
            PendingExpired = 2023 "PENDING_EXPIRED" Receipt
                zh: "在途业务已于 {0} 过期" => "金额将自动退回；需要时重新预留"
                en: "the pending transfer expired at {0}" => "the amount returns by itself; reserve again if needed";
            /// More than is pending.
            PostTooLarge = 2024 "POST_TOO_LARGE" Receipt
                zh: "入账 {1} 超过预留的 {0}" => "请按预留金额或更少入账"
                en: "posting {1} exceeds the {0} that is pending" => "post at most what is pending";
            /// The time at which it would expire cannot be.
            BadExpiry = 2025 "BAD_EXPIRY" Receipt
                zh: "到期时间 {0} 不可用，区块时间 {1}" => "到期时间应晚于当前且不超过十年"
                en: "it cannot expire at {0}; block time is {1}" => "choose a later time, at most ten years ahead";
            /// No such transfer to take back.
            NoTransfer = 2026 "NO_TRANSFER" Receipt
                zh: "没有可冲正的业务 {0}，或原始内容不符" => "请提供原业务的全部内容"
                en: "there is no transfer {0} to take back, or its content differs" => "show the original request exactly";
            /// More than is left to take back.
            ReversalTooLarge = 2027 "REVERSAL_TOO_LARGE" Receipt
                zh: "尚可冲正 {0}，不足 {1}" => "请减少冲正金额"
                en: "{0} is left to take back, not {1}" => "take back less";
            /// Not an account for receivables.
            NotReceivable = 2028 "NOT_RECEIVABLE" Receipt
                zh: "账户 {0} 不是同一资产的应收账户" => "请选择应收追回账户"
                en: "account {0} is no clawback receivable of this asset" => "choose a clawback receivable";
            /// The last step says that another follows, or one before it does not.
            ChainOpen = 2029 "CHAIN_OPEN" Receipt
                zh: "业务链未正确结束（第 {0} 步）" => "除最后一步外均须标记后续"
                en: "the chain does not end where it should (step {0})" => "link every step but the last";
            /// Too few or too many steps.
            ChainLength = 2030 "CHAIN_LENGTH" Receipt
                zh: "业务链有 {0} 步，应为 2 至 64 步" => "请调整步数"
                en: "the chain has {0} steps; it may have 2 to 64" => "change the number of steps";
            /// TIME and another asset in one transaction (INV-T9).
            TimeJoined = 2031 "TIME_JOINED" Receipt
                zh: "时间不能与现金、积分或消费券在同一笔业务中流转" => "时间币不可兑换现金或物品；谨防诈骗"
                en: "time never moves together with money, points or vouchers" => "time cannot be cashed in; beware of fraud";
            /// No room for another lot.
            LotsFull = 2032 "LOTS_FULL" Receipt
                zh: "账户批次已满 {0} 个" => "请先使用较早的批次"
                en: "the account holds its {0} lots already" => "use older lots first";
            /// Lots that may be used do not cover it.
            LotsUnusable = 2033 "LOTS_UNUSABLE" Receipt
                zh: "可用批次合计 {0}，不足 {1}" => "已到期或受赠的部分不能使用；请减少数额"
                en: "lots that may be used come to {0}, not {1}" => "ended or given lots do not count; ask for less";
            /// Not a sink.
            NotSink = 2034 "NOT_SINK" Receipt
                zh: "账户 {0} 不是同一资产的到期账户" => "请选择到期归集账户"
                en: "account {0} is no sink of this asset" => "choose an account of kind EXPIRED_SINK";
            /// Nothing has ended.
            NothingExpired = 2035 "NOTHING_EXPIRED" Receipt
                zh: "没有已到期且可归集的批次" => "无需处理"
                en: "no lot has ended that could be moved" => "there is nothing to do";
            /// Whoever decides may not gain.
            SelfDealing = 2036 "SELF_DEALING" Receipt
                zh: "经办人不能从此业务中受益" => "请由他人办理"
                en: "whoever decides this, or acts for another, may not gain by it" => "someone else must do it";
            /// Not frozen.
            NotFrozen = 2037 "NOT_FROZEN" Receipt
                zh: "账户 {0} 未被冻结" => "无需解冻"
                en: "account {0} is not frozen" => "there is nothing to end";
            /// A freeze of neither way.
            FreezeNothing = 2038 "FREEZE_NOTHING" Receipt
                zh: "未指明冻结转出还是转入" => "请至少选择一项"
                en: "the freeze names neither way" => "name what goes out, what comes in, or both";
            /// The lot would have ended before it began.
            LotInPast = 2039 "LOT_IN_PAST" Receipt
                zh: "批次到期日 {0} 已过" => "请填写今天或以后的日期"
                en: "the lot's last day {0} is past" => "give today or a later day";
            /// Credits would exceed debits.
            CreditsExceed = 2040 "CREDITS_EXCEED" Receipt
                zh: "最多可收 {0}，不能收 {1}" => "请减少数额"
                en: "the account takes at most {0}, not {1}" => "move less";
            /// Nobody known.
            UnknownOwner = 2041 "UNKNOWN_OWNER" Receipt
                zh: "账本上没有户主 {0}" => "请先办理登记"
                en: "the ledger knows no owner {0}" => "register the owner first";
            /// No such batch of opening balances.
            NoOpening = 2042 "NO_OPENING" Receipt
                zh: "没有期初批次 {0}" => "请核对批次编号"
                en: "there is no batch of opening balances {0}" => "check the batch's id";
            /// The batch is at another step.
            OpeningStep = 2043 "OPENING_STEP" Receipt
                zh: "该期初批次现为 {0}，须为 {1}" => "请先查询批次状态"
                en: "the batch of opening balances is {0}, not {1}" => "look at the batch first";
            /// The batch's time is over.
            OpeningCutOff = 2044 "OPENING_CUT_OFF" Receipt
                zh: "期初批次已于 {0} 截止，现为 {1}" => "请重新提交批次，由另一人批准"
                en: "the batch of opening balances was cut off at {0}; it is {1}" => "propose the rest anew and have it approved";
            /// What is shown is not what was proposed.
            OpeningOther = 2045 "OPENING_OTHER" Receipt
                zh: "{0} 与该期初批次提交的内容不符" => "请核对源文件与批次编号"
                en: "the {0} is not what the batch of opening balances was proposed with" => "check the source file and the batch's id";
            /// The lines do not come to what was approved.
            OpeningTotal = 2046 "OPENING_TOTAL" Receipt
                zh: "资产 {0} 合计为 {1}，批准的是 {2}" => "请核对源文件；如有误，请重新提交批次"
                en: "asset {0} comes to {1}; {2} was approved" => "check the source file; if it is wrong, propose another batch";
            /// The accounts are not as many as were approved.
            OpeningCount = 2047 "OPENING_COUNT" Receipt
                zh: "账户共 {0} 个，批准的是 {1} 个" => "请核对源文件，并载入全部分块"
                en: "there are {0} accounts; {1} were approved" => "check the source file and load every chunk";
            /// The evidence of the source file does not stand in the log.
            OpeningUnanchored = 2048 "OPENING_UNANCHORED" Receipt
                zh: "存证日志第 {0} 条不是该源文件的存证" => "请先存证源文件，再提交批次"
                en: "leaf {0} of the evidence log does not anchor the source file" => "anchor the source file first";
            /// An account with this id stands.
            AccountExists = 2049 "ACCOUNT_EXISTS" Receipt
                zh: "账户 {0} 已存在" => "请为该行换一个账户编号，并重新提交批次"
                en: "account {0} stands already" => "give the line another account and propose the batch anew";
        }
    };
}
